//! A served site and a browser for one test file: starts both, watches every page for problems, and cleans up.
//!
//! What is mounted by default is the demo's site (`www/build/site.mjs`). Nothing here knows the package's API.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve } from '../../www/build/serve.mjs';
import { MOUNTS } from '../../www/build/site.mjs';
import { launch } from './browser.mjs';

/**
 * `{ server, browser, folder, open, restart }` (`folder`: of the lasting profile), closed after the test file (`after` is node:test's).
 *
 * `mounts` are added to the demo's. `csp: false` serves without the policy. `profile: true` uses a lasting profile, so that
 * service worker and storage survive `restart()`.
 */
export async function startSite(after, { mounts = [], csp, profile = false, flags } = {}) {
  const server = await serve({ mounts: [...MOUNTS, ...mounts], ...(csp === undefined ? {} : { csp }) });
  const folder = profile ? mkdtempSync(join(tmpdir(), 'palate-profile-')) : null;
  const start = () => launch({ profile: folder ?? undefined, flags });
  const site = { server, browser: await start(), folder };

  /** Opens `path` in a context of its own (the shared one with a profile). `page.problems` fills with sentences. */
  site.open = async (path = '/', options = {}) => {
    const context = folder ? site.browser : await site.browser.newContext(options);
    const page = await context.newPage();
    watch(page);
    await page.goto(server.url + path);
    return page;
  };
  /** Ends the browser and starts it again on the same profile. */
  site.restart = async () => {
    await site.browser.close();
    site.browser = await start();
  };
  after(async () => {
    await site.browser.close().catch(() => {});
    await server.kill().catch(() => {});
    if (folder) rmSync(folder, { recursive: true, force: true });
  });
  return site;
}

/** Collects what a page must not do: script errors, console errors (a CSP violation is one), failed workers. */
export function watch(page) {
  page.problems = [];
  page.on('pageerror', (error) => page.problems.push(`script error: ${error.message}`));
  page.on('console', (message) => {
    // Looking for a favicon is the browser's own idea, not the page's (a picture opened as a page has none to name).
    if (message.type() === 'error' && !message.location().url.endsWith('/favicon.ico')) page.problems.push(`console: ${message.text()} (${message.location().url})`);
  });
  return page;
}

/** Why `page` has no GPU, `false` where it has one: SwiftShader is not in every build of the browser. An error under `REQUIRE_GPU=1`. */
export async function noAdapter(page) {
  const found = await page.evaluate(async () => Boolean(await navigator.gpu?.requestAdapter()));
  assert.ok(found || process.env.REQUIRE_GPU !== '1', 'REQUIRE_GPU=1, and the browser has no adapter');
  return found ? false : 'the browser has no WebGPU adapter';
}

/** What the browser asks for by itself, at a time of its own: whether a service worker's script and its imports are the newest. */
const BROWSERS_OWN = ['/sw.js', '/demo/precache.js'];

/** Paths that the page, its workers or the library asked for. */
export function askedFor(requests) {
  return requests.map(({ path }) => path).filter((path) => !BROWSERS_OWN.includes(path));
}
