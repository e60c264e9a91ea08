//! Serves the demo page for its tests: with the library itself, or with the stand-in of fake-lib/.
//!
//! The page's behavior is tested against the stand-in (fast, any failure on demand); the whole product against the library.

import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { asScript, listFiles } from '../../www/build/precache.mjs';
import { serve } from '../../www/build/serve.mjs';
import { MOUNTS } from '../../www/build/site.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The handle of `serve`, with the page at `url`. `real`: the library of www/lib, for which www/demo must be built. */
export async function servePage({ real = false, port = 0 } = {}) {
  const mounts = [...MOUNTS];
  if (!real) mounts.push(['/lib/', path.join(root, 'tests/browser/fake-lib')], ['/__fake/', path.join(root, '.cache/demo')]);
  const server = await serve({ mounts, port });
  // Hashed anew for each server, so that a changed file is never refused for a stale list.
  const list = await listFiles({ lib: real ? undefined : path.join(root, 'tests/browser/fake-lib') });
  server.list = list;
  server.usePrecache = (next) => server.replace(/\/demo\/precache\.js$/, () => ({ body: asScript(next), headers: { 'Cache-Control': 'no-cache' } }));
  server.usePrecache(list);
  return server;
}

/** Waits until the page counts requests and is kept for offline use; for the latter a page of a busy machine does not wait for ever. */
export async function opened(page) {
  await page.waitForFunction(() => document.querySelector('.meter').dataset.state !== 'opening', null, { timeout: 90_000 });
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => null));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = await servePage({ real: process.argv.includes('--real'), port: Number(process.env.PORT ?? 8090) });
  process.stdout.write(`${server.url}\n`);
}
