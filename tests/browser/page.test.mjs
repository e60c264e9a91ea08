//! The demo page's views in Chromium, against the stand-in library: every tap, and the promise of silence.
//!
//! What the library computes is tested elsewhere; `shelf.test.mjs` runs this page with the real one.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { askedFor } from './site.mjs';
import { FOX, STRAWBERRY, like, live, opened, rowTitles, settled, site, skip, tile, visit } from './visit.mjs';

describe('for you', { skip }, () => {
  test('a newcomer gets a window chosen by people, and the whole page is drawn', async () => {
    const { page, close } = await visit();
    assert.deepEqual((await rowTitles(page)).slice(0, 1), ['Start anywhere']);
    const broken = await page.$$eval('main img', (images) => images.filter((image) => image.complete && image.naturalWidth === 0).length);
    assert.equal(broken, 0);
    assert.match(await page.textContent('.foot'), /OpenMoji.*CC BY-SA 4\.0/s);
    await close();
  });

  test('a like brings a row that names it, a place in the tray, and a spoken sentence', async () => {
    const { page, close } = await visit();
    await like(page, FOX);
    assert.equal((await rowTitles(page))[0], 'Because you liked fox');
    await live(page, /Liked fox\. \d+ new stickers on your shelf\. First row: Because you liked fox/);
    const share = await page.textContent('.rows .row .row-note');
    assert.match(share, /^\d+ % of why these are here$/);
    await close();
  });

  test('every "because" row is what the library gave as the strongest reason, and names an item that was really tapped', async () => {
    const { page, close } = await visit();
    await like(page, FOX);
    await like(page, STRAWBERRY);
    await settled(page);
    const titles = (await rowTitles(page)).filter((title) => title.startsWith('Because you liked'));
    assert.ok(titles.length >= 2, titles.join());
    for (const title of titles) assert.match(title, /fox|strawberry/);
    await close();
  });

  test('a second tap takes the like back', async () => {
    const { page, close } = await visit();
    await like(page, FOX);
    await page.locator(`.tray [data-key="${FOX}"] button`).click();
    await page.waitForSelector('.sheet[open]');
    await page.locator('.sheet-like').click();
    await page.waitForFunction(() => document.querySelector('.sheet-like')?.getAttribute('aria-pressed') === 'false');
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => document.querySelector('.rows h2').textContent === 'Start anywhere');
    await close();
  });

  test('a no-thanks takes the sticker away, and can be undone', async () => {
    const { page, close } = await visit();
    await like(page, FOX);
    await settled(page);
    const key = await page.locator('.rows .card').first().getAttribute('data-key');
    await page.locator('.rows .card').first().hover();
    await page.locator('.rows .card .hide').first().click();
    await page.waitForFunction((k) => !document.querySelector(`.rows [data-key="${k}"]`), key);
    await page.locator('.toast button', { hasText: 'Undo' }).click();
    await page.waitForFunction((k) => document.querySelector(`.rows [data-key="${k}"]`), key);
    await close();
  });

  // Bug: the browser gave a tap of these 0.2 s to the document.
  test('a tap while views cross-fade is a tap on what is seen to come, and a box that is tapped takes words', async () => {
    const { page, close } = await visit();
    /** Where the middle of something stands, once the view that is on its way has it. Views stay half faded: a busy machine taps late. */
    const turned = (hash, selector) => page.evaluate(async ([hash, selector]) => {
      location.hash = hash;
      for (;;) {
        await new Promise(requestAnimationFrame);
        const fading = document.getAnimations().filter(({ effect }) => effect.pseudoElement?.startsWith('::view-transition'));
        const found = document.querySelector(selector)?.getBoundingClientRect();
        if (!fading.length || !found?.width) continue;
        fading.forEach((animation) => animation.pause());
        return [found.x + found.width / 2, found.y + found.height / 2];
      }
    }, [hash, selector]);
    await page.mouse.click(...await turned('#/browse', '.browse .card .tile'));
    await page.waitForSelector('.browse .card .tile[aria-pressed="true"]');
    await page.mouse.click(...await turned('#/', '#query'));
    await page.keyboard.type('fox');
    await page.waitForSelector('.results .card');
    await close();
  });

  test('the dials change the shelf and stay where they were put', async () => {
    const { page, close } = await visit();
    await like(page, FOX);
    await settled(page);
    const keys = () => page.$$eval('.rows .card', (cards) => cards.map((card) => card.dataset.key));
    const first = await keys();
    for (const [name, value] of [['adventure', '1'], ['niche', '1']]) {
      const beforehand = await keys();
      await page.locator(`.feed [data-dial="${name}"]`).fill(value);
      await page.waitForFunction((was) => [...document.querySelectorAll('.rows .card')].map((card) => card.dataset.key).join() !== was, beforehand.join());
    }
    assert.notDeepEqual(await keys(), first);
    await page.reload();
    await page.waitForSelector('[data-shelf="ready"]');
    assert.equal(await page.locator('.feed [data-dial="adventure"]').inputValue(), '1');
    await close();
  });

  test('a no-thanks to a liked sticker that is undone leaves it liked', async () => {
    const { page, close } = await visit();
    await like(page, FOX);
    await page.locator(`.tray [data-key="${FOX}"] button`).click();
    await page.locator('.sheet[open] .button', { hasText: 'Not for me' }).click();
    await page.waitForSelector(`.tray [data-key="${FOX}"]`, { state: 'detached' });
    await page.locator('.toast button', { hasText: 'Undo' }).click();
    await page.waitForSelector(`.tray [data-key="${FOX}"]`);
    await close();
  });

  test('taste outlives a reload', async () => {
    const { page, close } = await visit();
    await like(page, FOX);
    await page.reload();
    await page.waitForSelector('[data-shelf="ready"]');
    assert.equal((await rowTitles(page))[0], 'Because you liked fox');
    await close();
  });
});

describe('one sticker', { skip }, () => {
  test('more like this opens on similar ones, says why, and gives the focus back', async () => {
    const { page, close } = await visit();
    await like(page, FOX);
    await settled(page);
    const card = page.locator('.rows .card').first();
    await card.hover();
    await card.locator('.alike').click();
    await page.waitForSelector('.sheet[open] .sheet-alike .card');
    assert.equal(await page.locator('.sheet-alike .card').count(), 12);
    assert.match(await page.textContent('.why'), /You liked fox/);
    assert.equal(await page.evaluate(() => document.activeElement.id), 'sheet-title');
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => !document.querySelector('.sheet').open);
    assert.match(await page.evaluate(() => document.activeElement.getAttribute('aria-label') ?? ''), /^More like/);
    await close();
  });

  // Bug: such a tap was recorded without its sticker.
  test('a picture that is copied while the sheet is closed counts for its sticker', async () => {
    const { page, close } = await visit({ permissions: ['clipboard-write'] });
    await page.locator(`[data-key="${FOX}"] .alike`).first().evaluate((button) => button.click());
    await page.waitForSelector('.sheet[open]');
    await page.evaluate(() => {
      [...document.querySelectorAll('.sheet .button')].find(({ textContent }) => textContent === 'Copy').click();
      document.querySelector('.sheet-close').click();
    });
    await page.locator('.toast', { hasText: 'Copied' }).waitFor();
    await page.waitForFunction((key) => JSON.parse(localStorage.getItem('fake-history')).some(({ item, event }) => item === key && event === 'save'), FOX);
    await close();
  });

  test('a page that is turned before a sheet has opened is not covered by it', async () => {
    const { page, close } = await visit();
    await page.evaluate(async (key) => {
      document.querySelector(`[data-key="${key}"] .alike`).click();
      const turned = new Promise((resolve) => addEventListener('hashchange', resolve, { once: true }));
      location.hash = '#/browse';
      await turned;
    }, FOX);
    await page.waitForSelector('.browse h1:focus');
    assert.equal(await page.locator('.sheet').isVisible(), false);
    await close();
  });

  // Bug: two pictures had the name of the one that grows into the sheet, which the browser calls an error.
  test('sheets that are opened in quick succession, and while cards are leaving, grow out of one picture each', async () => {
    const { page, close } = await visit();
    await page.evaluate(async (fox) => {
      document.querySelector(`[data-key="${fox}"] .alike`).click();
      while (!document.querySelector('.sheet-alike .alike')) await new Promise(requestAnimationFrame);
      document.querySelector('.sheet-alike .alike').click();
    }, FOX);
    await page.waitForFunction(() => ![null, undefined, 'fox'].includes(document.getElementById('sheet-title')?.textContent));
    await page.locator('.sheet-close').click();
    await settled(page);
    const last = await page.evaluate(() => {
      const cards = [...document.querySelectorAll('[data-row="picks"] .card')];
      cards.at(-1).scrollIntoView();
      cards[0].querySelector('.tile').click();
      cards.at(-1).querySelector('.alike').click();
      return cards.at(-1).querySelector('.name').textContent;
    });
    await page.waitForFunction((title) => document.getElementById('sheet-title')?.textContent === title, last);
    await page.waitForSelector('.rows [data-row]:not([data-row="picks"])');
    await close();
  });

  test('the picture can be taken along as a file', async () => {
    const { page, close } = await visit();
    await tile(page, FOX).hover();
    await page.locator(`[data-key="${FOX}"] .alike`).first().click();
    await page.waitForSelector('.sheet[open]');
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator('.sheet .button', { hasText: 'Save' }).click()]);
    assert.equal(download.suggestedFilename(), 'fox.svg');
    assert.match(await readFile(await download.path(), 'utf8'), /^<svg xmlns/);
    await close();
  });
});

describe('search', { skip }, () => {
  test('answers while typing, the last words win, and the words stay out of the address', async () => {
    const { page, close } = await visit({ fake: 'slow' });
    const box = page.locator('#query');
    await page.keyboard.press('/');
    await box.pressSequentially('strawberr', { delay: 140 });
    await box.fill('fox');
    await page.waitForFunction(() => document.querySelector('.results .name')?.textContent === 'fox');
    await page.waitForTimeout(700);
    assert.equal(await page.locator('.results .name').first().textContent(), 'fox');
    assert.ok(!page.url().includes('fox'));
    await page.keyboard.press('ArrowDown');
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Like fox');
    await box.focus();
    await page.keyboard.press('Escape');
    await page.waitForSelector('.feed');
    await close();
  });

  // Bug: they did nothing, as the address stays what it is.
  test('the links to the page beneath a search lead back to it', async () => {
    const { page, close } = await visit({ hash: '#/browse' });
    for (const link of ['.nav [data-view="browse"]', '.nav [data-view="browse"]']) {
      await page.fill('#query', 'fox');
      await page.waitForSelector('.results .card');
      await page.locator(link).click();
      await page.waitForSelector('.browse h1:focus');
      assert.equal(await page.inputValue('#query'), '');
    }
    await close();
  });

  test('says so when nothing fits, with ways out', async () => {
    const { page, close } = await visit();
    await page.fill('#query', 'zzzzqq');
    await page.waitForSelector('.empty .chip');
    await page.locator('.empty .chip').first().click();
    await page.waitForSelector('.results .card');
    await close();
  });

  test('works by name while the model is on its way, and a like of that time is not lost', async () => {
    const { page, close } = await visit({ fake: 'slow', wait: 'shown' });
    await page.waitForFunction(() => /Fetching palate.* MB of /s.test(document.querySelector('.loading')?.textContent) && document.querySelector('.loading [role]').ariaValueNow > 0);
    await page.fill('#query', 'strawberry');
    await page.waitForSelector('.results .card');
    assert.match(await page.textContent('.results .lead'), /By name for now/);
    await tile(page, STRAWBERRY).click();
    await page.waitForSelector('[data-shelf="ready"]');
    await page.fill('#query', '');
    await page.waitForFunction(() => document.querySelector('.rows h2')?.textContent === 'Because you liked strawberry');
    await page.waitForFunction(() => document.querySelector('.loading').hasAttribute('data-done'));
    await close();
  });
});

describe('browse', { skip }, () => {
  test('holds all 2,465, aisle by aisle', async () => {
    const { page, close } = await visit({ hash: '#/browse' });
    const counts = await page.$$eval('.aisle-door small', (all) => all.map((one) => Number(one.textContent)));
    assert.equal(counts.reduce((a, b) => a + b, 0), 2465);
    await page.locator('.aisle-door[data-group="food-drink"]').click();
    await page.waitForFunction(() => document.getElementById('aisle-name')?.textContent === 'Food & drink');
    await page.waitForSelector('.aisle [data-key="1F353"]');
    await close();
  });

  // Bug: what had not been put up when the visitor left was missing for the rest of the visit.
  test('an aisle that is left while it fills is full when the visitor comes back', async () => {
    const { page, close } = await visit();
    await page.evaluate(() => new Promise((resolve) => {
      new MutationObserver((_, observer) => {
        if (!document.querySelector('.aisle .row:nth-of-type(2) .card')) return;
        observer.disconnect();
        location.hash = '#/privacy';
        resolve();
      }).observe(document.getElementById('main'), { childList: true, subtree: true });
      location.hash = '#/browse/flags';
    }));
    await page.waitForSelector('.privacy h1:focus');
    await page.evaluate(() => { location.hash = '#/browse'; });
    await page.waitForSelector('.browse h1:focus');
    await page.locator('.aisle .row', { hasText: 'Countries' }).scrollIntoViewIfNeeded();
    await page.waitForFunction(() => {
      const row = [...document.querySelectorAll('.aisle .row')].find((one) => one.querySelector('h3').textContent === 'Countries');
      return `${row.querySelectorAll('.card').length} stickers` === row.querySelector('.row-note').textContent;
    });
    await close();
  });
});

describe('taste', { skip }, () => {
  // Bug: it brought back what had been, and nothing else.
  test('undoing leaves what was tapped since', async () => {
    const { page, close } = await visit();
    await like(page, FOX);
    await page.locator('.nav [data-view="taste"]').click();
    await page.locator('button', { hasText: 'Forget everything' }).click();
    const undo = page.locator('.toast button', { hasText: 'Undo' });
    await undo.focus(); // it stays while it has the focus
    await page.locator('.nav [data-view="feed"]').evaluate((link) => link.click());
    await page.waitForSelector('.rows [data-row="picks"]');
    await tile(page, STRAWBERRY).evaluate((button) => button.click());
    await page.waitForSelector(`.tray [data-key="${STRAWBERRY}"]`);
    await undo.evaluate((button) => button.click());
    await page.waitForFunction((keys) => keys.every((key) => document.querySelector(`.tray [data-key="${key}"]`)), [FOX, STRAWBERRY]);
    await close();
  });

  test('shows beliefs with their evidence; one is forgotten and brought back; then all', async () => {
    const { page, close } = await visit();
    await like(page, FOX);
    await like(page, STRAWBERRY);
    await page.locator('.nav [data-view="taste"]').click();
    await page.waitForSelector('.belief');
    assert.deepEqual((await page.locator('.belief h3').allTextContents()).sort(), ['Fruit', 'Mammals']);
    await page.locator('.belief', { hasText: 'Mammals' }).locator('button', { hasText: 'Forget' }).click();
    await page.waitForFunction(() => document.querySelectorAll('.belief').length === 1);
    await page.locator('.toast button', { hasText: 'Undo' }).click();
    await page.waitForFunction(() => document.querySelectorAll('.belief').length === 2);
    await page.locator('button', { hasText: 'Forget everything' }).click();
    await page.waitForFunction(() => /Nothing yet/.test(document.querySelector('.taste .lead').textContent));
    assert.equal(await page.evaluate(() => localStorage.getItem('fake-history')), '[]');
    await close();
  });

  test('what was learned of how you choose is told, and can be forgotten and brought back', async () => {
    const { page, close } = await visit();
    for (const key of [FOX, STRAWBERRY]) await like(page, key);
    await page.locator('.nav [data-view="taste"]').click();
    await page.waitForSelector('.learned:not([hidden])');
    assert.match(await page.textContent('.learned p'), /Learned from 2 choices out of your shelf’s rows: nearness to what you like counts 1\.2 times as much as at first\./);
    await page.locator('.learned button').click();
    await page.waitForSelector('.learned', { state: 'hidden' });
    assert.equal(await page.locator('.belief').count(), 2, 'the likes stay');
    await page.locator('.toast button', { hasText: 'Undo' }).click();
    await page.waitForSelector('.learned:not([hidden])');
    await close();
  });

  test('the preview follows the dials', async () => {
    const { page, close } = await visit();
    await like(page, FOX);
    await page.locator('.nav [data-view="taste"]').click();
    await page.waitForSelector('.bend .card');
    const keys = () => page.$$eval('.bend .card', (cards) => cards.map((card) => card.dataset.key).join());
    const was = await keys();
    await page.locator('.taste [data-dial="adventure"]').fill('1');
    await page.waitForFunction((before) => [...document.querySelectorAll('.bend .card')].map((card) => card.dataset.key).join() !== before, was);
    await close();
  });
});

describe('privacy', { skip }, () => {
  test('after opening, taps, searches and a walk through the shelf reach no network, by the page and by the server', async () => {
    const { page, close } = await visit();
    await opened(page);
    site.server.requests.length = 0;
    for (const key of [FOX, STRAWBERRY]) await like(page, key);
    await page.fill('#query', 'music');
    await page.waitForSelector('.results .card');
    await page.locator('.nav [data-view="browse"]').click();
    await page.waitForSelector('.aisle .card');
    for (let i = 0; i < 6; i += 1) await page.mouse.wheel(0, 1400);
    await page.locator('.nav [data-view="privacy"]').click();
    await page.waitForSelector('[data-figure="requests"]');
    assert.equal(await page.textContent('[data-figure="requests"]'), '0 requests');
    assert.deepEqual(askedFor(site.server.requests), []);
    assert.match(await page.textContent('[data-figure="store"]'), /OPFS.*yes, AES-GCM/s);
    await close();
  });

  test('a request after opening is counted: the zero is measured, not written', async () => {
    const { page, close } = await visit({ hash: '#/privacy' });
    await opened(page);
    await page.evaluate(() => fetch('demo/pictures/1F98A.svg').then((response) => response.text()));
    await page.waitForFunction(() => document.querySelector('[data-figure="requests"]').textContent === '1 request');
    await close();
  });

  test('export, erase, import: the same taste again', async () => {
    const { page, close } = await visit();
    await like(page, FOX);
    await page.locator('.nav [data-view="privacy"]').click();
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator('.button', { hasText: 'Export' }).click()]);
    const file = await download.path();
    await page.locator('.button', { hasText: /^Erase$/ }).click();
    await page.locator('.ask .button', { hasText: 'Erase it' }).click();
    await page.waitForFunction(() => localStorage.getItem('fake-history') === '[]');
    await page.locator('#import-file').setInputFiles(file);
    await page.waitForFunction(() => localStorage.getItem('fake-history').includes('1F98A'));
    await page.locator('#import-file').setInputFiles({ name: 'x.json', mimeType: 'application/json', buffer: Buffer.from('{}') });
    await page.waitForFunction(() => /Choose another file/.test(document.querySelector('.toasts').textContent));
    await close();
  });
});
