//! Pictures, a small image model and an index of them for tests, made with the publisher's own command.
//!
//! The model is the seeded one of tests/fixtures/models/vit.json; its numbers come from the same generator as in
//! tests/catalogs/seeded.rs.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { at, PALATE } from '../../www/build/root.mjs';
import { safetensors } from './catalog.mjs';

const MASK = (1n << 64n) - 1n;

/** `count` numbers in [-1, 1) that `name` decides: SplitMix64 from FNV-1a. */
function numbers(name, count) {
  let seed = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(name)) seed = ((seed ^ BigInt(byte)) * 0x100000001b3n) & MASK;
  const values = new Float32Array(count);
  for (let n = 0; n < count; n += 1) {
    seed = (seed + 0x9e3779b97f4a7c15n) & MASK;
    let z = seed;
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK;
    values[n] = Number((z ^ (z >> 31n)) >> 40n) / 2 ** 23 - 1;
  }
  return values;
}

/** The checkpoint of the fixture `name` in tests/fixtures/models. */
export function writeCheckpoint(folder, name) {
  const fixture = JSON.parse(readFileSync(at('tests', 'fixtures', 'models', `${name}.json`), 'utf8'));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.json'), JSON.stringify(fixture.config));
  for (const [file, content] of Object.entries(fixture.files)) writeFileSync(join(folder, file), JSON.stringify(content));
  const tensors = fixture.tensors.map(([name, shape, scale, offset]) => {
    const values = numbers(name, shape.reduce((a, b) => a * b, 1)).map((value) => Math.fround(Math.fround(value * scale) + offset));
    return [name, 'F32', shape, Buffer.from(values.buffer)];
  });
  writeFileSync(join(folder, 'model.safetensors'), safetensors(tensors, {}));
}

/** A PNG of `pixel(x, y)`, `[r, g, b]` or `[r, g, b, a]`. */
export function png(width, height, pixel) {
  const channels = pixel(0, 0).length;
  const rows = Buffer.alloc(height * (1 + width * channels));
  for (let y = 0, to = 0; y < height; y += 1) {
    to += 1;
    for (let x = 0; x < width; x += 1) for (const value of pixel(x, y)) rows[to++] = value;
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, channels === 4 ? 6 : 2, 0, 0, 0], 8);
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', head), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]);
}

/** A PNG's head that promises a size, and nothing behind it. */
export function pngHead(width, height) {
  return Buffer.concat([png(1, 1, () => [0, 0, 0]).subarray(0, 16), Buffer.from(new Uint32Array([width, height].map(swap)).buffer), Buffer.from([8, 2, 0, 0, 0, 0, 0, 0, 0])]);
}

const swap = (n) => ((n << 24) | ((n & 0xff00) << 8) | ((n >>> 8) & 0xff00) | (n >>> 24)) >>> 0;

function chunk(name, body) {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(body.length, 0);
  head.write(name, 4, 'latin1');
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(Buffer.concat([head.subarray(4), body])), 0);
  return Buffer.concat([head, body, crc]);
}

function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let k = 0; k < 8; k += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** What the pictures of the items show. */
export const DRAWINGS = {
  slope: (x, y) => [(x * 5) % 256, (y * 7) % 256, 128],
  checks: (x, y) => ((x >> 3) + (y >> 3)) % 2 ? [250, 250, 240] : [20, 30, 90],
  rings: (x, y) => [128 + 120 * Math.sin(Math.hypot(x - 24, y - 20) / 3), 90, 60].map(Math.round),
  clear: (x, y) => (Math.hypot(x - 24, y - 20) < 12 ? [200, 30, 30, 255] : [0, 0, 0, 0]),
};

/** A folder that goes after the tests, with `eye/` (a pack), and the publisher's command in it. */
function studio(after) {
  const root = mkdtempSync(join(tmpdir(), 'palate-pictures-'));
  after(() => rmSync(root, { recursive: true, force: true }));
  const run = (...args) => execFileSync(PALATE, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  writeCheckpoint(join(root, 'checkpoint'), 'vit');
  run('model', 'add', 'checkpoint', '--name', 'eye', '--out', 'eye');
  return { root, run };
}

const WORDS = at('models', 'minilm', 'pack');

/** A folder with `index/`, `eye/` (the pack) and the pictures, removed after the tests. Resolves to it and to what the command says of them. */
export function pictureShop(after) {
  const { root, run } = studio(after);
  const items = Object.entries(DRAWINGS).map(([id, pixel]) => {
    writeFileSync(join(root, `${id}.png`), png(48, 40, pixel));
    return JSON.stringify({ id, title: `a drawing of ${id}`, image: `${id}.png` });
  });
  writeFileSync(join(root, 'items.jsonl'), items.join('\n'));
  run('build', '--items', 'items.jsonl', '--text-model', WORDS, '--image-model', 'eye', '--out', 'index');
  const images = Object.keys(DRAWINGS).flatMap((id) => ['--image', `${id}.png`]);
  const lines = run('encode', '--model', 'eye', ...images, '--json').trim().split('\n').map((line) => JSON.parse(line));
  return { root, vectors: lines.map(({ embedding }) => embedding) };
}

/** The same of a dozen pictures of each kind, with an index that joins words and pictures. `asked`: an item of each kind. */
export function fusedShop(after) {
  const { root, run } = studio(after);
  const items = Object.entries(DRAWINGS).flatMap(([kind, pixel]) => [...Array(12).keys()].map((n) => {
    const id = `${kind}-${n}`;
    writeFileSync(join(root, `${id}.png`), png(48, 40, (x, y) => pixel(x + (n % 4), y + Math.floor(n / 4))));
    return { id, kind, title: `${['one', 'two', 'three', 'four'][n % 4]} ${kind} drawn ${['small', 'large', 'twice'][Math.floor(n / 4)]}`, image: `${id}.png` };
  }));
  writeFileSync(join(root, 'items.jsonl'), items.map((item) => JSON.stringify(item)).join('\n'));
  const models = ['--items', 'items.jsonl', '--text-model', WORDS, '--image-model', 'eye'];
  run('train', 'fusion', ...models, '--dim', '64', '--epochs', '30', '--out', 'joint');
  run('build', ...models, '--fusion', 'joint', '--out', 'index');
  return { root, count: items.length, asked: items.filter((_, at) => at % 12 === 5) };
}

/** What a drawing means where a film begins with it, and where it ends: texts of films that are each other's reverse say different things. */
const MEANS = { slope: ['a mountain', 'snow'], checks: ['a game of chess', 'the kitchen floor'], rings: ['water', 'the planets'] };

/**
 * The same of films that go from one drawing to another, with an index that reads them and one (`joined/`) that ranks by them too, where a
 * film of each kind stands alone, without words and picture: `mute-<kind>`. `pairs`: what each kind begins and ends with. `natively`: the
 * publisher's command.
 */
export function filmShop(after) {
  const { root, run } = studio(after);
  const kinds = Object.keys(MEANS);
  const pairs = kinds.flatMap((first) => kinds.filter((then) => then !== first).map((then) => [first, then]));
  const items = pairs.flatMap(([first, then]) => [...Array(16).keys()].map((n) => {
    const id = `${first}-${then}-${n}`;
    mkdirSync(join(root, id));
    for (let at = 0; at < 8; at += 1) writeFileSync(join(root, id, `${at}.png`), png(48, 40, (x, y) => DRAWINGS[at < 4 ? first : then](x + n, y + (at % 4))));
    return { id, title: titleOf(first, then), frames: id, image: `${id}/0.png` };
  }));
  writeFileSync(join(root, 'items.jsonl'), items.map((item) => JSON.stringify(item)).join('\n'));
  const models = ['--items', 'items.jsonl', '--text-model', WORDS, '--image-model', 'eye'];
  run('train', 'video', ...models, '--batch', '8', '--epochs', '60', '--patience', '60', '--hold-out', '0', '--out', 'reader');
  run('build', ...models, '--video-model', 'reader', '--out', 'index');
  const mute = pairs.map((pair) => JSON.stringify({ id: `mute-${pair.join('-')}`, frames: `${pair.join('-')}-5` }));
  writeFileSync(join(root, 'items.jsonl'), `\n${mute.join('\n')}`, { flag: 'a' });
  run('train', 'fusion', ...models, '--video-model', 'reader', '--dim', '64', '--epochs', '30', '--dropout', '0.1,0.1', '--modality-dropout', '0.7', '--rate', '0.01', '--out', 'joint');
  run('build', ...models, '--video-model', 'reader', '--fusion', 'joint', '--out', 'joined');
  return { root, pairs, natively: (...args) => run(...args, '--json').trim().split('\n').map((line) => JSON.parse(line)) };
}

export const titleOf = (first, then) => `${MEANS[first][0]}, and then ${MEANS[then][1]}`;
