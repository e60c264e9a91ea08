//! What www/demo/precache.js says: the files that the service worker keeps for offline use, each with its content hash.
//!
//! The model and the index are not in the list: the library stores those itself, and a second copy would only take room.
//! Listed after everything else is built (`site.mjs`); a changed file changes the list, and the browser then offers the new version.

import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const www = fileURLToPath(new URL('..', import.meta.url));
const SKIP = /\.(map|d\.ts|md)$|(^|\/)(\.|package\.json)/;

/** Every file under `folder` as `[url, path]`, urls starting with `prefix`. */
async function walk(prefix, folder = path.join(www, prefix)) {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const nested = await Promise.all(entries.map((entry) => {
    const name = `${prefix}/${entry.name}`;
    const file = path.join(folder, entry.name);
    return entry.isDirectory() ? walk(name, file) : [[name, file]];
  }));
  return nested.flat().filter(([name]) => !SKIP.test(name));
}

/** `{version, files: [[url, hash, bytes], ...]}`; urls are relative to the service worker. `lib`: the folder behind lib/, if another. */
export async function listFiles({ lib } = {}) {
  const shelf = JSON.parse(await readFile(path.join(www, 'demo/shelf.json'), 'utf8'));
  const names = [
    ...['index.html', 'manifest.webmanifest', 'demo/shelf.json', `demo/${shelf.file}`].map((name) => [name, path.join(www, name)]),
    ...(await walk('app')),
    ...(await walk('lib', lib)),
    ...(lib ? [] : await walk('pkg')),
  ].sort();
  const files = [];
  for (const [name, file] of names) {
    const bytes = await readFile(file);
    files.push([name, createHash('sha256').update(bytes).digest('hex').slice(0, 16), bytes.length]);
  }
  const version = createHash('sha256').update(JSON.stringify(files)).digest('hex').slice(0, 12);
  return { version, files };
}

export const asScript = (list) => `self.PRECACHE = ${JSON.stringify(list)};\n`;
