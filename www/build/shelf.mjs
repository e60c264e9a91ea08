//! Packs the demo's shelf: every drawing and its name in one compressed file, fetched once by every visitor alike.
//!
//! The index and the model are not here; `palate build` makes those. One file instead of 2,465 is a matter of
//! privacy as much as of speed: a picture asked for one by one would tell the server what the ranking shows.
//!
//! Layout of www/demo/shelf-<hash>.pack (gzip of):
//!   0        u32 little endian, length H of the header
//!   4        H bytes of JSON: {"version": 1, "items": [[key, title, group, subgroup, tags, tone, length], ...]}
//!   4 + H    the drawings' SVG bodies (viewBox 0 0 72 72, without the <svg> element), end to end in that order
//! www/demo/shelf.json names the file: {"file", "count", "bytes"}.

import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = fileURLToPath(new URL('../..', import.meta.url));
const itemsFile = path.join(root, '.cache/demo/items.jsonl');
const demo = path.join(root, 'www/demo');

/** Tile tones by the drawing's own dominant color (OpenMoji's palette): near enough to feel chosen, never the same hue. */
const TONES = {
  yellow: ['sky', 'lilac', 'mint', 'rose'], // faces
  red: ['butter', 'sky', 'sand', 'mint'],
  orange: ['sky', 'mint', 'butter', 'lilac'],
  brown: ['mint', 'peach', 'sky', 'butter'],
  green: ['butter', 'peach', 'rose', 'sand'],
  blue: ['peach', 'butter', 'sand', 'rose'],
  purple: ['butter', 'mint', 'peach', 'sky'],
  pink: ['mint', 'sky', 'butter', 'lilac'],
  gray: ['peach', 'lilac', 'butter', 'sky', 'mint', 'rose', 'sand'],
};
const TONE_NAMES = ['butter', 'peach', 'rose', 'lilac', 'sky', 'mint', 'sand'];

function hueName(hex) {
  const digits = hex.length === 4 ? [...hex.slice(1)].map((c) => c + c).join('') : hex.slice(1);
  const [r, g, b] = [0, 2, 4].map((i) => parseInt(digits.slice(i, i + 2), 16));
  const max = Math.max(r, g, b);
  const min = Math.min(r, g, b);
  if (max - min < 32) return 'gray';
  const raw = max === r ? ((g - b) / (max - min)) % 6 : max === g ? (b - r) / (max - min) + 2 : (r - g) / (max - min) + 4;
  const hue = (raw * 60 + 360) % 360;
  const dark = max < 180 && hue < 60;
  if (dark) return 'brown';
  if (hue < 15 || hue >= 345) return max > 220 && min > 120 ? 'pink' : 'red';
  if (hue < 42) return 'orange';
  if (hue < 66) return 'yellow';
  if (hue < 170) return 'green';
  if (hue < 255) return 'blue';
  return hue < 310 ? 'purple' : 'pink';
}

/** The tone of one tile: the fill with the longest outline decides, the key's hash chooses among the tones that suit it. */
function toneOf(key, body) {
  const weight = new Map();
  for (const [tag] of body.matchAll(/<[a-z]+ [^>]*fill="#[0-9a-fA-F]{3,6}"[^>]*>/g)) {
    const color = tag.match(/fill="(#[0-9a-fA-F]{3,6})"/)[1];
    const name = hueName(color);
    weight.set(name, (weight.get(name) ?? 0) + Math.min(tag.length, 400) * (name === 'gray' ? 0.35 : 1));
  }
  const [dominant] = [...weight].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0] ?? ['gray'];
  const choice = TONES[dominant];
  const pick = createHash('sha256').update(key).digest()[0];
  return TONE_NAMES.indexOf(choice[pick % choice.length]);
}

const words = (value) =>
  (Array.isArray(value) ? value : String(value ?? '').split(',')).map((word) => String(word).trim()).filter(Boolean);

export async function buildShelf() {
  let lines;
  try {
    lines = (await readFile(itemsFile, 'utf8')).split('\n').filter(Boolean);
  } catch {
    throw new Error(`${path.relative(root, itemsFile)} is not there: make the demo's items first (npm start does).`);
  }
  const items = [];
  const bodies = [];
  for (const [line, text] of lines.entries()) {
    const item = JSON.parse(text);
    const picture = path.join(demo, 'pictures', `${item.id}.svg`);
    const svg = await readFile(picture, 'utf8');
    const inner = svg.match(/<svg\b[^>]*>([\s\S]*)<\/svg>/);
    if (!inner || /<(script|foreignObject|image)\b/i.test(svg)) {
      throw new Error(`items.jsonl line ${line + 1}: ${item.id}.svg is not a plain drawing; fetch the package openmoji again.`);
    }
    const body = Buffer.from(inner[1].replace(/<!--[\s\S]*?-->/g, '').replace(/>\s+</g, '><').trim());
    const [group = 'other', subgroup = ''] = words(item.categories);
    items.push([item.id, item.title, group, subgroup, words(item.tags), toneOf(item.id, inner[1]), body.length]);
    bodies.push(body);
  }
  const header = Buffer.from(JSON.stringify({ version: 1, items }));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  const pack = gzipSync(Buffer.concat([length, header, ...bodies]), { level: 9 });
  const hash = createHash('sha256').update(pack).digest('hex').slice(0, 16);
  const file = `shelf-${hash}.pack`;

  await mkdir(demo, { recursive: true });
  await writeFile(path.join(demo, `${file}.part`), pack);
  await rename(path.join(demo, `${file}.part`), path.join(demo, file));
  await writeFile(path.join(demo, 'shelf.json'), `${JSON.stringify({ file, count: items.length, bytes: pack.length })}\n`);
  for (const name of await readdir(demo)) {
    if (/^shelf-.*\.pack/.test(name) && name !== file) await rm(path.join(demo, name));
  }
  return { file, count: items.length, bytes: pack.length };
}
