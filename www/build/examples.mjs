//! `npm run examples`: the examples of www/examples with everything that they need, then served.
//!
//! Media by rules (www/examples/draw.js), models of pictures, sounds and films learned of them in the texts' space, and three indexes:
//! www/demo/examples/<case>/. Each step is done once, and again when what it is made of changes.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PALATE } from './root.mjs';
import { fail, line, step } from './report.mjs';
import { inputHash, once } from './stamp.mjs';
import { run } from './run.mjs';
import { DEMO } from './items.mjs';
import { modelPack, PACK } from './model.mjs';
import { nativeSources, palateCommand } from './native.mjs';
import { FILMS, MUSIC, PRODUCTS, filmTexts, frame, music, musicTexts, product, productTexts, wav } from '../examples/draw.js';

const EXAMPLES = join(DEMO, 'examples');
const of = (...path) => join(EXAMPLES, ...path);
/** The frame of a film that stands for it. */
const MIDDLE = 0.5;
/** Frames that are learned from, as many as pages take of a film. */
const FRAMES = 8;
/** What `palate train` calls a model's medium. */
const MEDIA = { eye: 'image', ear: 'audio', film: 'video' };

/** Makes what is missing of the examples' data. */
export async function exampleSite() {
  const made = ['www/build/examples.mjs', 'www/examples/draw.js'];
  await once('example-media', inputHash(made), [of('shop', 'items.jsonl'), of('music', 'items.jsonl'), of('films', 'items.jsonl')], () => step("the examples' media", media));
  await palateCommand();
  await modelPack();
  const sources = inputHash([...made, 'models/minilm/model.json', ...nativeSources('example')]);
  const learn = (what, source, more) => once(`example-${what}`, sources, [of('models', what, 'manifest.json')], () => step(`the examples' ${what}`, ({ progress }) => {
    rmSync(of('models', what), { recursive: true, force: true });
    return run(PALATE, ['train', MEDIA[what], '--items', of(source), '--text-model', PACK, '--out', of('models', what), ...more], { progress });
  }));
  await learn('eye', 'pictures.jsonl', ['--size', '64', '--epochs', '30', '--patience', '12', '--lines', '0']);
  await learn('ear', join('music', 'items.jsonl'), ['--epochs', '60', '--patience', '20']);
  await learn('film', join('films', 'takes.jsonl'), ['--image-model', of('models', 'eye'), '--epochs', '60', '--patience', '20']);
  const { file } = JSON.parse(readFileSync(join(PACK, 'manifest.json'), 'utf8'));
  for (const [name, model] of [['shop', ['--image-model', of('models', 'eye')]], ['music', ['--audio-model', of('models', 'ear')]], ['films', ['--image-model', of('models', 'eye'), '--video-model', of('models', 'film'), '--without', 'frames']]]) {
    const index = of(name, 'index');
    await once(`example-${name}`, sources, [join(index, 'manifest.json')], () => step(`the index of ${name}`, ({ progress }) => {
      rmSync(index, { recursive: true, force: true });
      return run(PALATE, ['build', '--items', of(name, 'items.jsonl'), '--text-model', PACK, '--model-at', `../../../../models/minilm/${file}`, ...model, '--out', index], { progress });
    }));
  }
}

async function media() {
  rmSync(EXAMPLES, { recursive: true, force: true });
  const items = (name, list, texts, field, file, bytes, more = () => ({})) => {
    mkdirSync(of(name, 'media'), { recursive: true });
    const rows = list.map((spec, at) => {
      const [id, path] = [`${name}-${at}`, `media/${file(at)}`];
      writeFileSync(of(name, path), bytes(spec, at));
      return { id, ...texts(spec), [field]: path, ...more(spec, at) };
    });
    writeFileSync(of(name, 'items.jsonl'), lines(rows));
    writeFileSync(of(name, 'media.json'), JSON.stringify(rows.map((row) => row[field])));
    return rows.map((row) => ({ ...row, [field]: `${name}/${row[field]}` }));
  };
  const shop = items('shop', PRODUCTS, productTexts, 'image', (n) => `${n}.svg`, (spec, n) => product(spec, n + 1));
  const take = (spec, n, seed) => {
    const frames = `takes/${n}-${seed}`;
    mkdirSync(of('films', frames), { recursive: true });
    for (let at = 0; at < FRAMES; at += 1) writeFileSync(of('films', frames, `${at}.svg`), frame(spec, (at + 0.5) / FRAMES, seed));
    return { frames };
  };
  const films = items('films', FILMS, filmTexts, 'image', (n) => `${n}.svg`, (spec, n) => frame(spec, MIDDLE, n + 1), (spec, n) => take(spec, n, n + 1));
  const takes = [101, 201].flatMap((seed) => FILMS.map((spec, n) => ({ id: `films-${n}-${seed}`, ...filmTexts(spec), ...take(spec, n, seed + n) })));
  writeFileSync(of('films', 'takes.jsonl'), lines([...films, ...takes]));
  items('music', MUSIC, musicTexts, 'audio', (n) => `${n}.wav`, (spec, n) => wav(music(spec, n + 1)));
  // One image model learns from both, and from two more takes of each.
  const more = (list, texts, name, draw) => [101, 201].flatMap((seed) => list.map((spec, n) => {
    const path = `${name}/media/${n}-${seed}.svg`;
    writeFileSync(of(path), draw(spec, seed + n));
    return { id: `${name}-${n}-${seed}`, ...texts(spec), image: path };
  }));
  const all = [...shop, ...films, ...more(PRODUCTS, productTexts, 'shop', product), ...more(FILMS, filmTexts, 'films', (spec, seed) => frame(spec, (seed % 7) / 6, seed))];
  writeFileSync(of('pictures.jsonl'), lines(all));
}

const lines = (rows) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

async function main() {
  const { npmPackages } = await import('./npm.mjs');
  const { wasmModules } = await import('./wasm.mjs');
  await npmPackages();
  await wasmModules();
  await exampleSite();
  const [{ MOUNTS }, { serve }] = await Promise.all([import('./site.mjs'), import('./serve.mjs')]);
  const port = Number(process.env.PORT ?? 8080);
  const server = await serve({ mounts: MOUNTS, port, host: process.env.HOST ?? '127.0.0.1', search: port !== 0 });
  line(`\n  examples   ${server.url}/examples/\n             Ctrl-C stops the server.\n`);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) main().catch(fail);
