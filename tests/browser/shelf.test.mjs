//! The demo page with the library itself: model, index, encrypted history, and no server.
//!
//! The page's manners are tested in `page.test.mjs` with a stand-in; here is what only the whole product can show.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { launch, NO_CHROMIUM } from './browser.mjs';
import { opened, servePage } from './page-site.mjs';
import { askedFor } from './site.mjs';

const built = ['www/demo/index/manifest.json', 'www/demo/shelf.json', 'www/pkg/palate.js'].every((file) => existsSync(new URL(`../../${file}`, import.meta.url)));
const browser = built ? await launch() : null;
const skip = browser ? false : built ? NO_CHROMIUM : 'the demo is not built: npm start builds it';
const FOX = '1F98A';
const STRAWBERRY = '1F353';

async function visit(server, hash = '') {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  page.wrong = [];
  page.on('console', (message) => message.type() === 'error' && page.wrong.push(message.text()));
  page.on('pageerror', (error) => page.wrong.push(error.message));
  await page.goto(`${server.url}/${hash}`);
  await ready(page);
  return page;
}
async function ready(page) {
  await page.waitForSelector('[data-shelf="ready"]', { timeout: 90_000 });
  await opened(page);
}
async function like(page, key) {
  await page.locator(`main [data-key="${key}"] .tile`).first().click();
  await page.waitForFunction((k) => document.querySelector(`.tray [data-key="${k}"]`), key);
  await page.waitForFunction((k) => document.querySelector(`.rows [data-row="${k}"]`), key);
}
async function search(page, text) {
  await page.fill('#query', text);
  await page.waitForFunction((q) => document.querySelector('.results .grid')?.dataset.answers === q && /Closest in meaning|come nearest/.test(document.querySelector('.results .lead').textContent), text);
  return page.locator('.results .name').allTextContents();
}

describe('the shelf', { skip }, () => {
  let server;
  before(async () => { server = await servePage({ real: true }); });
  after(async () => {
    await browser?.close();
    await server?.kill();
  });

  test('shelf: likes make rows of their kind, each under the like that the score names', async () => {
    const page = await visit(server);
    await like(page, FOX);
    await like(page, STRAWBERRY);
    const groups = (key) => page.$$eval(`.rows [data-row="${key}"] .name`, (names) => names.map((name) => name.textContent));
    const animals = await groups(FOX);
    const fruit = await groups(STRAWBERRY);
    assert.ok(animals.some((name) => /wolf|raccoon|bear|cat|dog/.test(name)), animals.join());
    assert.ok(fruit.some((name) => /cherries|grapes|apple|peach|pear|blueberries/.test(name)), fruit.join());
    assert.match(await page.textContent(`.rows [data-row="${FOX}"] .row-note`), /^\d+ % of why/);
    assert.deepEqual(page.wrong, []);
    await page.context().close();
  });

  // Bug: such taps carried a field that the library refuses, and the page failed to open.
  test('shelf: a tap before the library is there is recorded when it is', async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    const page = await context.newPage();
    let letGo;
    const held = new Promise((resolve) => { letGo = resolve; });
    await context.route('**/index/manifest.json', async (route) => { await held; await route.continue(); });
    await page.goto(`${server.url}/`);
    await page.waitForSelector(`main [data-key="${FOX}"] .tile`);
    assert.equal(await page.locator('[data-shelf="ready"]').count(), 0, 'the library must not be there yet');
    await page.locator(`main [data-key="${FOX}"] .tile`).first().click();
    letGo();
    await ready(page);
    await page.reload();
    await ready(page);
    await page.waitForSelector(`.tray [data-key="${FOX}"]`);
    await context.close();
  });

  test('shelf: search finds by meaning what no name contains', async () => {
    const page = await visit(server);
    const found = (await search(page, 'something warm to drink')).slice(0, 8).join();
    assert.match(found, /hot beverage/);
    assert.match((await search(page, 'a scary creature from a nightmare')).slice(0, 12).join(), /ghost|monster|vampire|ogre|goblin|zombie|scream/);
    assert.deepEqual(page.wrong, []);
    await page.context().close();
  });

  test('shelf: both dials change the list', async () => {
    const page = await visit(server);
    await like(page, FOX);
    await like(page, STRAWBERRY);
    const keys = () => page.$$eval('.rows .row:not([data-row="picks"]) .card', (cards) => cards.map((card) => card.dataset.key));
    const seen = [await keys()];
    for (const [name, value] of [['adventure', '1'], ['adventure', '0'], ['niche', '-1'], ['niche', '1']]) {
      await page.locator(`.feed [data-dial="${name}"]`).fill(value);
      await page.waitForFunction((was) => [...document.querySelectorAll('.rows .row:not([data-row="picks"]) .card')].map((card) => card.dataset.key).join() !== was, seen.at(-1).join());
      seen.push(await keys());
    }
    const changed = seen.slice(1).map((list, i) => list.filter((key) => !seen[i].includes(key)).length);
    assert.ok(changed.every((fresh) => fresh >= 3), `a dial turned all the way brings new stickers: ${changed}`);
    await page.context().close();
  });

  test('shelf: after opening, a whole visit sends no request', async () => {
    const page = await visit(server);
    await page.waitForTimeout(500);
    server.requests.length = 0;
    await like(page, FOX);
    await search(page, 'music festival');
    await page.locator('.nav [data-view="browse"]').click();
    await page.waitForSelector('.aisle .card');
    await page.mouse.wheel(0, 3000);
    await page.locator('.nav [data-view="taste"]').click();
    await page.waitForSelector('.belief');
    await page.locator('.nav [data-view="privacy"]').click();
    assert.equal(await page.textContent('[data-figure="requests"]'), '0 requests');
    assert.deepEqual(askedFor(server.requests), []);
    assert.deepEqual(page.wrong, []);
    await page.context().close();
  });

  test('shelf: model and index are stored once, by the library, not by the service worker', async () => {
    const page = await visit(server);
    const held = await page.evaluate(async () => {
      const names = [];
      for (const name of await caches.keys()) for (const request of await (await caches.open(name)).keys()) names.push(new URL(request.url).pathname);
      return names;
    });
    assert.ok(held.some((name) => name.endsWith('.pack')), 'the drawings are kept');
    assert.equal(held.filter((name) => name.endsWith('.wasm')).length, 1, 'one of the two wasm modules');
    assert.deepEqual(held.filter((name) => /safetensors|\/index\//.test(name)), []);
    await page.context().close();
  });

  test('shelf: with the server gone, a reload ranks, searches by meaning and remembers', async () => {
    const own = await servePage({ real: true });
    const page = await visit(own);
    await like(page, FOX);
    // The model is in use before it is stored.
    await page.waitForFunction(async () => {
      const root = await (await navigator.storage.getDirectory()).getDirectoryHandle('palate');
      for await (const space of root.values()) for await (const name of space.keys()) if (name.startsWith('pack-')) return true;
      return false;
    });
    await own.kill();
    await page.reload();
    await ready(page);
    await page.waitForSelector(`.rows [data-row="${FOX}"] .card`);
    await page.waitForFunction(() => [...document.querySelectorAll('.rows img')].slice(0, 6).every((image) => image.complete && image.naturalWidth > 0));
    assert.match((await search(page, 'something warm to drink')).slice(0, 8).join(), /hot beverage/);
    await page.fill('#query', '');
    await page.waitForSelector(`.rows [data-row="${FOX}"]`);
    await like(page, STRAWBERRY);
    await page.context().close();
  });

  test('shelf: a like in one tab arrives in the other', async () => {
    const page = await visit(server);
    const other = await page.context().newPage();
    await other.goto(server.url);
    await ready(other);
    await like(page, FOX);
    await other.waitForSelector(`.tray [data-key="${FOX}"]`);
    await other.waitForSelector(`.rows [data-row="${FOX}"]`, { timeout: 15_000 });
    await page.context().close();
  });

  test('shelf: forgotten is forgotten after a reload too, and undo brings it back', async () => {
    const page = await visit(server);
    await like(page, FOX);
    await page.locator('.nav [data-view="taste"]').click();
    await page.locator('button', { hasText: 'Forget everything' }).click();
    await page.waitForFunction(() => /Nothing yet/.test(document.querySelector('.taste .lead').textContent));
    await page.locator('.toast button', { hasText: 'Undo' }).click();
    await page.waitForSelector('.belief');
    await page.locator('button', { hasText: 'Forget everything' }).click();
    await page.waitForFunction(() => /Nothing yet/.test(document.querySelector('.taste .lead').textContent));
    await page.reload();
    await ready(page);
    assert.match(await page.textContent('.taste .lead'), /Nothing yet/);
    await page.context().close();
  });
});
