//! The tarball installed into a Vite project and into a plain page, each opened in Chromium under the strict policy.

import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { existsSync } from 'node:fs';
import { at } from '../../www/build/root.mjs';
import { findChromium, NO_CHROMIUM } from '../../www/build/chromium.mjs';
import { run } from '../../www/build/run.mjs';
import { serve } from '../../www/build/serve.mjs';
import { MOUNTS } from '../../www/build/site.mjs';
import { DEMO } from '../../www/build/items.mjs';
import { launch } from '../browser/browser.mjs';
import { watch } from '../browser/site.mjs';
import { installed } from './packed.mjs';

const skip = process.env.REQUIRE_BROWSER !== '1' && !(await findChromium()) && NO_CHROMIUM;

/** Serves `folder` as the customer's site, with the demo's index as the shop's data, and reads what the page came to. */
async function outcome(t, folder) {
  const [, models] = MOUNTS;
  const server = await serve({ mounts: [['/', folder], ['/data/index/', join(DEMO, 'index')], models] });
  t.after(() => server.kill());
  const browser = await launch();
  t.after(() => browser.close());
  const page = watch(await browser.newPage());
  await page.goto(server.url);
  // Asked again and again from outside: playwright's own waiting evaluates a string, which the strict policy forbids.
  const patience = Date.now() + 120_000;
  while (!['done', 'failed'].includes(await page.title())) {
    assert.ok(Date.now() < patience, `the page came to no end; its problems: ${page.problems.join('\n')}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { result: await page.evaluate(() => globalThis.result), problems: page.problems, requests: server.requests };
}

function check({ result, problems, requests }) {
  assert.equal(result.failed, undefined);
  assert.equal(result.list.length, 5);
  assert.ok(result.list.every(({ key, score }) => key !== '1F98A' && Number.isFinite(score)), JSON.stringify(result.list));
  assert.ok(result.hits.includes('1F382'), `a birthday cake was not among ${result.hits}`);
  assert.deepEqual(result.error, { typed: true, code: result.error.code });
  assert.equal(typeof result.error.code, 'string');
  assert.deepEqual(problems, []);
  assert.deepEqual(requests.filter(({ status }) => status >= 400), []);
}

test('projects: a page with a plain module script', { skip }, async (t) => {
  check(await outcome(t, await installed(after, 'plain')));
});

test('projects: a Vite project, built for production', { skip }, async (t) => {
  const folder = await installed(after, 'vite');
  await run(process.execPath, [at('node_modules', 'vite', 'bin', 'vite.js'), 'build', '--logLevel', 'warn'], { cwd: folder });
  assert.ok(existsSync(join(folder, 'dist', 'index.html')));
  check(await outcome(t, join(folder, 'dist')));
});

test('projects: the package can be imported without a browser, as a server that renders pages does', async () => {
  const folder = await installed(after, 'plain');
  const text = await run(process.execPath, ['--input-type=module', '-e', "import { Recommender, Encoder, PalateError } from 'palate'; console.log(typeof Recommender.open, typeof Encoder.open, typeof PalateError)"], { cwd: folder });
  assert.equal(text.trim(), 'function function function');
});
