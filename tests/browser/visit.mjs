//! A fresh visitor on the demo page, with the stand-in library and a server of the test file's own.
//!
//! What is clicked and what must come of it is in the `page*.test.mjs` files.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before } from 'node:test';
import { launch, NO_CHROMIUM } from './browser.mjs';
import { servePage } from './page-site.mjs';

export { opened } from './page-site.mjs';

const built = existsSync(new URL('../../www/demo/shelf.json', import.meta.url));
const browser = built ? await launch() : null;
export const skip = browser ? false : built ? NO_CHROMIUM : 'www/demo is not built: npm start builds it';
export const FOX = '1F98A';
export const STRAWBERRY = '1F353';

/** `site.server`: the handle of the server that every visit goes to unless it is told another. */
export const site = { server: null };
before(async () => { if (browser) site.server = await servePage(); });
after(async () => {
  await browser?.close();
  await site.server?.kill();
});

/** A fresh visitor on the page. Closing checks that nothing went wrong unnoticed: console errors, exceptions, policy violations. */
export async function visit({ fake = '', hash = '', wait = 'ready', at = site.server, allow = /$^/, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const wrong = [];
  page.on('console', (message) => message.type() === 'error' && wrong.push(message.text()));
  page.on('pageerror', (error) => wrong.push(error.message));
  await page.addInitScript(() => document.addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`)));
  await page.goto(`${at.url}/${fake ? `?fake=${fake}` : ''}${hash}`);
  if (wait) await page.waitForSelector(`[data-shelf="${wait}"]`);
  return {
    page,
    context,
    async close() {
      await context.close();
      assert.deepEqual(wrong.filter((text) => !allow.test(text)), [], 'nothing was written to the console as an error');
    },
  };
}

export const tile = (page, key) => page.locator(`main [data-key="${key}"] .tile`).first();
export const rowTitles = (page) => page.locator('.rows .row h2').allTextContents();
export async function like(page, key) {
  await tile(page, key).click();
  await page.waitForFunction((k) => document.querySelector(`.tray [data-key="${k}"]`) && document.querySelector(`.rows [data-row="${k}"]`), key);
}
export const settled = (page) => page.waitForFunction(() => !document.querySelector('.rows')?.getAnimations({ subtree: true }).length);
export const live = (page, pattern) => page.waitForFunction((source) => new RegExp(source).test(document.getElementById('live').textContent), pattern.source);
