//! The demo page without a network, with a new version, and with everything that can fail failing.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { servePage } from './page-site.mjs';
import { FOX, STRAWBERRY, like, opened, rowTitles, skip, tile, visit } from './visit.mjs';

describe('offline and updates', { skip }, () => {
  test('with the server gone, a reload has everything: page, drawings, search, taste', async () => {
    const own = await servePage();
    const { page, close } = await visit({ at: own, allow: /Failed to load resource|net::ERR/ });
    await opened(page);
    await like(page, FOX);
    await own.kill();
    await page.reload();
    await page.waitForSelector('[data-shelf="ready"]');
    assert.equal((await rowTitles(page))[0], 'Because you liked fox');
    await page.waitForFunction(() => [...document.querySelectorAll('.rows img')].slice(0, 6).every((image) => image.complete && image.naturalWidth > 0));
    await page.fill('#query', 'whale');
    await page.waitForSelector('.results .card');
    await close();
  });

  test('the plug can be pulled on the page itself, and refuses even the page', async () => {
    const { page, close } = await visit({ hash: '#/privacy', allow: /Failed to load resource/ });
    await opened(page);
    await page.locator('label[for="cut"]').click();
    await page.waitForFunction(() => /Unplugged/.test(document.querySelector('.privacy').textContent));
    assert.equal(await page.evaluate(() => fetch('demo/pictures/1F98A.svg').then(() => 'came through', () => 'refused')), 'refused');
    await page.waitForFunction(() => /Refused while unplugged1 request/.test(document.querySelector('.privacy').textContent));
    await page.locator('label[for="cut"]').click();
    await page.waitForFunction(() => !/Unplugged/.test(document.querySelector('.privacy').textContent));
    assert.equal(await page.evaluate(() => fetch('demo/pictures/1F98A.svg').then(() => 'came through', () => 'refused')), 'came through');
    await close();
  });

  test('a new version is offered quietly and taken on request; unchanged files are not fetched again', async () => {
    const own = await servePage();
    const { page, close } = await visit({ at: own });
    await opened(page);
    own.requests.length = 0;
    own.usePrecache({ ...own.list, version: 'ffffffffffff' });
    await page.evaluate(async () => (await navigator.serviceWorker.getRegistration()).update());
    await page.locator('.toast', { hasText: 'new version' }).waitFor();
    assert.deepEqual([...new Set(own.requests.map((request) => request.path))].sort(), ['/demo/precache.js', '/sw.js']);
    await Promise.all([page.waitForEvent('load'), page.locator('.toast button', { hasText: 'Reload' }).click()]);
    await page.waitForSelector('[data-shelf="ready"]');
    assert.deepEqual(await page.evaluate(async () => (await caches.keys()).filter((name) => /[0-9a-f]{12}$/.test(name))), ['palate-shelf-ffffffffffff']);
    await close();
    await own.kill();
  });

  test('a version whose files do not match its list is not taken', async () => {
    const own = await servePage();
    const { page, close } = await visit({ at: own });
    await opened(page);
    const files = own.list.files.map(([name, hash, bytes]) => [name, name === 'app/main.js' ? '0'.repeat(16) : hash, bytes]);
    own.usePrecache({ version: 'eeeeeeeeeeee', files });
    await page.evaluate(async () => (await navigator.serviceWorker.getRegistration()).update().catch(() => {}));
    await page.waitForTimeout(600);
    assert.equal(await page.locator('.toast', { hasText: 'new version' }).count(), 0);
    await close();
    await own.kill();
  });

  test('installing is offered when the browser can, and only then', async () => {
    const { page, close } = await visit();
    assert.equal(await page.locator('.install').isVisible(), false);
    await page.evaluate(() => {
      globalThis.asked = 0;
      dispatchEvent(Object.assign(new Event('beforeinstallprompt', { cancelable: true }), { prompt: async () => { globalThis.asked += 1; } }));
    });
    await page.locator('.install').click();
    assert.equal(await page.evaluate(() => globalThis.asked), 1);
    await page.waitForFunction(() => document.querySelector('.install').hidden);
    await close();
  });

  test('the manifest names icons that are there, in the sizes it says', async () => {
    const { page, close } = await visit();
    const sizes = await page.evaluate(async () => {
      const manifest = await (await fetch('manifest.webmanifest')).json();
      return Promise.all(manifest.icons.filter((icon) => icon.sizes !== 'any').map(async (icon) => {
        const picture = new Image();
        picture.src = icon.src;
        await picture.decode();
        return `${icon.sizes} ${picture.naturalWidth}x${picture.naturalHeight}`;
      }));
    });
    for (const size of sizes) assert.equal(size.split(' ')[0], size.split(' ')[1]);
    await close();
  });
});

describe('when things go wrong', { skip }, () => {
  test('a broken index: the reason is shown, the shelf stays open to browse, and trying again is offered', async () => {
    const { page, close } = await visit({ fake: 'broken-index', wait: 'failed' });
    assert.match(await page.textContent('[data-notice="shop"]'), /another hash than its manifest says\. Build the index again/);
    await page.fill('#query', 'rocket');
    await page.waitForSelector('.results .card');
    await page.locator('[data-notice="shop"] button').click();
    await page.waitForSelector('[data-notice="shop"]', { state: 'detached' });
    await close();
  });

  test('without the text model the shelf works, search goes by name, and trying again is offered', async () => {
    const { page, close } = await visit({ fake: 'no-model' });
    assert.match(await page.textContent('[data-notice="text"]'), /Search goes by name for now.*open again and the download goes on/s);
    assert.equal(await page.locator('[data-notice="text"] button').count(), 1);
    await like(page, FOX);
    await page.fill('#query', 'strawberry');
    await page.waitForSelector('.results .card');
    await close();
  });

  test('a full disk takes the like back and says what to do', async () => {
    const { page, close } = await visit({ fake: 'quota' });
    await tile(page, FOX).click();
    await page.waitForFunction(() => /Free some space/.test(document.querySelector('.toasts').textContent));
    assert.equal(await tile(page, FOX).getAttribute('aria-pressed'), 'false');
    await close();
  });

  test('a like that fails takes back nothing but itself', async () => {
    const { page, close } = await visit({ fake: 'quota-once' });
    await page.evaluate((keys) => keys.forEach((key) => document.querySelector(`[data-key="${key}"] .tile`).click()), [FOX, STRAWBERRY]);
    await page.locator('.toast', { hasText: 'Free some space' }).waitFor();
    await page.waitForSelector(`.tray [data-key="${FOX}"]`, { state: 'detached' });
    await page.waitForSelector(`.tray [data-key="${STRAWBERRY}"]`);
    await close();
  });

  // Bug: between the two it was neither recorded nor kept waiting.
  test('no tap is lost while the shelf opens', async () => {
    const { page, close } = await visit({ fake: 'slow', wait: null, hash: '#/browse' });
    const tapped = await page.evaluate(async () => {
      const keys = [];
      while (document.documentElement.dataset.shelf !== 'ready') {
        const card = [...document.querySelectorAll('.aisle .card')].find(({ dataset }) => !keys.includes(dataset.key));
        card?.querySelector('.tile').click();
        if (card) keys.push(card.dataset.key);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      return keys;
    });
    assert.ok(tapped.length > 1, `${tapped.length} taps`);
    await page.waitForFunction((keys) => {
      const recorded = JSON.parse(localStorage.getItem('fake-history') ?? '[]').map(({ item }) => item);
      return keys.every((key) => recorded.includes(key));
    }, tapped);
    await close();
  });

  test('a window without storage is told that it forgets', async () => {
    const { page, close } = await visit({ fake: 'memory' });
    assert.match(await page.textContent('[data-notice="memory"]'), /This window will forget.*until you close it.*private windows/s);
    await close();
  });
});
