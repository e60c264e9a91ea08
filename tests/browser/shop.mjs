//! A site for tests of the package: the library, blank pages under the strict policy, and synthetic indexes.
//!
//! A page runs what a customer would write: `import('/lib/index.js')`, nothing else of ours.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { at } from '../../www/build/root.mjs';
import { startSite } from './site.mjs';
import { writeIndex } from './catalog.mjs';

/**
 * `startSite` with blank pages and an index at `/shop/manifest.json` (others at `/x/<name>/manifest.json`). More of the
 * returned site:
 * - `publish(options, name = 'shop')`: another index (`catalog.mjs`)
 * - `blank(contextOptions)`: a blank page with `library()` and `caught(promise)`
 */
export async function startShop(after, { index = {}, ...options } = {}) {
  const root = mkdtempSync(join(tmpdir(), 'palate-shop-'));
  after(() => rmSync(root, { recursive: true, force: true }));
  const publish = (options, name = 'shop') => writeIndex(join(root, name), options);
  publish(index);
  const mounts = [['/t/', at('tests', 'browser', 'pages')], ['/x/', root], ['/shop/', join(root, 'shop')], ...(options.mounts ?? [])];
  const site = await startSite(after, { ...options, mounts });
  site.publish = publish;
  site.blank = async (context) => {
    const page = await site.open('/t/blank.html', context);
    await page.addInitScript(globals);
    await page.evaluate(globals);
    return page;
  };
  return site;
}

/** What tests use inside of a page; survives reloads. */
function globals() {
  /** The package, as a customer imports it. */
  globalThis.library = () => import('/lib/index.js');
  /** What a promise was rejected with, as something that can leave the page; `{ value }` if it was not. */
  globalThis.caught = async (promise) => {
    const { PalateError } = await globalThis.library();
    return promise.then(
      (value) => ({ value }),
      (error) => ({ name: error.name, code: error.code, message: error.message, typed: error instanceof PalateError }),
    );
  };
}
