//! The demo, ready to be served: the index, the page's packed drawings, the list of files it keeps offline, and which
//! folder answers at which address. Serving is `serve.mjs`.

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { at, PALATE } from './root.mjs';
import { step } from './report.mjs';
import { inputHash, isDone, once } from './stamp.mjs';
import { run } from './run.mjs';
import { DEMO, ITEMS, demoItems } from './items.mjs';
import { modelPack, PACK } from './model.mjs';
import { nativeSources, palateCommand } from './native.mjs';

export const INDEX = join(DEMO, 'index');
/** The shelf's own image model, which this project learned and keeps: see its card in models/openmoji-tower. */
const TOWER = at('models', 'openmoji-tower', 'pack');

/** `www/` at `/`, without the scripts in `www/build`, and every model pack at `/models/<name>/`. */
export const MOUNTS = [
  ['/', (path) => (/^build([/\\]|$)/.test(path) ? null : join(at('www'), path))],
  ['/models/', (path) => {
    const [name, ...rest] = path.split(/[/\\]/);
    return join(at('models'), name, 'pack', ...rest);
  }],
];

/** Builds what has changed of the demo's data: items, model pack, index, drawings, offline list. */
export async function demoSite() {
  await demoItems();
  await modelPack();
  await demoIndex();
  const shelf = await import('./shelf.mjs');
  await once('shelf', inputHash(['.cache/demo/items.jsonl', 'www/build/shelf.mjs']), [join(DEMO, 'shelf.json')], () =>
    step("the demo's shelf", () => shelf.buildShelf()));
  await offlineList();
}

async function demoIndex() {
  const hash = inputHash(['.cache/demo/items.jsonl', 'models/minilm/model.json', 'models/openmoji-tower/pack/manifest.json', ...nativeSources('index')]);
  if (isDone('index', hash, [join(INDEX, 'manifest.json')])) return;
  await palateCommand();
  await once('index', hash, [join(INDEX, 'manifest.json')], () => step("the demo's index", async ({ progress }) => {
    rmSync(INDEX, { recursive: true, force: true });
    await run(PALATE, ['build', '--items', ITEMS, '--media', DEMO, '--text-model', PACK, '--image-model', TOWER, '--out', INDEX], { progress });
  }));
}

/** Written anew each time, as it covers hand-written files too; the browser sees a new version only when it differs. */
async function offlineList() {
  const { listFiles, asScript } = await import('./precache.mjs');
  const file = join(DEMO, 'precache.js');
  const text = asScript(await listFiles());
  if (!existsSync(file) || readFileSync(file, 'utf8') !== text) writeFileSync(file, text);
}
