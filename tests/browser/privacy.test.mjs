//! Private and offline, in Chromium: nothing leaves after open, nothing readable lies on the disk, the policy holds.

import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { startShop } from './shop.mjs';

const site = await startShop(after);

test('privacy: 200 events and 200 lists after open make no request at all', async () => {
  const page = await site.blank();
  await page.evaluate(async () => {
    const { Recommender } = await library();
    globalThis.shop = await Recommender.open({ index: '/shop/manifest.json' });
  });
  const requests = [];
  page.context().on('request', (request) => requests.push(request.url()));
  const before = site.server.requests.length;
  await page.evaluate(async () => {
    for (let n = 0; n < 200; n += 1) {
      await shop.record({ item: `tea-${n % 25}`, event: n % 3 ? 'view' : 'like', context: { place: 'home' } });
      await shop.recommend({ k: 20, explain: true, explore: 0.1 });
    }
    await shop.similar('tea-1');
    await shop.profile();
    await shop.history.export();
  });
  assert.deepEqual(requests, []);
  assert.equal(site.server.requests.length, before, 'the server heard nothing');
  assert.deepEqual(page.problems, [], 'and the policy was not violated');
  await page.context().close();
});

test('privacy: the page works under script-src self and wasm-unsafe-eval, connect-src self', async () => {
  const page = await site.blank();
  const violations = await page.evaluate(async () => {
    const violations = [];
    document.addEventListener('securitypolicyviolation', (event) => violations.push(event.violatedDirective));
    const { Recommender } = await library();
    const shop = await Recommender.open({ index: '/shop/manifest.json' });
    await shop.record({ item: 'tea-1', event: 'like' });
    await shop.close();
    // The policy is really there: what it forbids fails.
    await fetch('https://example.com/').catch(() => {});
    await new Promise((done) => setTimeout(done, 200));
    return violations;
  });
  assert.deepEqual(violations, ['connect-src']);
  await page.context().close();
});

test('privacy: no key and no event stands in the clear in the whole browser profile', async () => {
  for (const store of ['opfs', 'indexeddb']) {
    const local = await startShop(after, { profile: true, index: { prefix: 'SecretKey' } });
    const page = await local.blank();
    await page.evaluate(async (store) => {
      const { Recommender } = await library();
      const shop = await Recommender.open({ index: '/shop/manifest.json', store });
      const liked = Array.from({ length: 25 }, (_, n) => ({ item: `SecretKeytea-${n}`, event: 'purchase', context: { place: 'SecretPlace' } }));
      await shop.record(liked);
      await shop.close();
    }, store);
    await local.browser.close();
    const found = { key: [], place: [], event: [] };
    for (const file of files(local.folder)) {
      const bytes = readFileSync(file);
      // The index itself lies there too and names every item; only what the visitor did must not be told from it.
      if (bytes.includes('palate-shard') || bytes.includes('palate-index')) continue;
      if (bytes.includes('SecretPlace') || bytes.includes(Buffer.from('SecretPlace', 'utf16le'))) found.place.push(file);
      if (bytes.includes('SecretKeytea') || bytes.includes(Buffer.from('SecretKeytea', 'utf16le'))) found.key.push(file);
      if (bytes.includes('"purchase"')) found.event.push(file);
    }
    assert.deepEqual(found, { key: [], place: [], event: [] }, store);
  }
});

test('privacy: the history on the device is sealed under a key that cannot be read out', async () => {
  const page = await site.blank();
  const seen = await page.evaluate(async () => {
    const { Recommender } = await library();
    const shop = await Recommender.open({ index: '/shop/manifest.json', name: 'sealed' });
    await shop.record({ item: 'tea-7', event: 'like', context: { place: 'SecretPlace' } });
    await shop.close();
    const folder = await (await (await navigator.storage.getDirectory()).getDirectoryHandle('palate')).getDirectoryHandle('r-n-sealed');
    const log = await (await folder.getFileHandle('history.log')).getFile();
    const text = new TextDecoder('latin1').decode(await log.arrayBuffer());
    const database = await new Promise((done) => { const request = indexedDB.open('palate-keys'); request.onsuccess = () => done(request.result); });
    const key = await new Promise((done) => { const request = database.transaction('keys').objectStore('keys').get('r-n-sealed'); request.onsuccess = () => done(request.result); });
    const exported = await crypto.subtle.exportKey('raw', key).then(() => 'exported', (error) => error.name);
    return { text, exported, extractable: key.extractable, algorithm: key.algorithm };
  });
  assert.ok(seen.text.startsWith('PLHL') && seen.text.length > 100);
  for (const word of ['tea-7', 'tea', 'like', 'SecretPlace', 'place', 'event']) assert.ok(!seen.text.includes(word), `${word} stands in the clear`);
  assert.equal(seen.extractable, false);
  assert.equal(seen.exported, 'InvalidAccessError');
  assert.deepEqual(seen.algorithm, { name: 'AES-GCM', length: 256 });
  await page.context().close();
});

test('privacy: no error names a key, an event or a value', async () => {
  const page = await site.blank();
  const errors = await page.evaluate(async () => {
    const { Recommender } = await library();
    const shop = await Recommender.open({ index: '/shop/manifest.json', store: 'memory' });
    const attempts = [
      shop.record({ item: 'SecretKey', event: 'like' }),
      shop.record({ item: 'tea-1', event: 'SecretKind' }),
      shop.record({ item: 'tea-1', event: 'like', value: 'SecretValue' }),
      shop.record({ item: 'tea-1', event: 'like', context: { a: { b: 'SecretValue' } } }),
      shop.record({ item: { SecretKey: 1 }, event: 'like' }),
      shop.similar('SecretKey'),
      shop.recommend({ filter: { price: { SecretValue: 1 } } }),
      shop.recommend({ context: { text: 5, note: 'SecretValue' } }),
      shop.recommend({ exclude: [{ SecretKey: 1 }] }),
      shop.forget({ before: 'SecretTime' }),
      shop.history.import('{"format":"palate-history","version":1,"events":[{"item":"SecretKey","event":"like","time":"SecretTime"}]}'),
    ];
    return Promise.all(attempts.map((attempt) => caught(attempt)));
  });
  for (const error of errors) {
    assert.equal(error.typed, true, JSON.stringify(error));
    assert.ok(['bad-input', 'not-found'].includes(error.code), JSON.stringify(error));
    assert.ok(!/secret/i.test(error.message), error.message);
    assert.match(error.message, /(Pass|Compare|Correct|Leave)/, 'it says what to do');
  }
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

/** Every file below a folder that is not empty. */
function* files(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const info = statSync(path);
    if (info.isDirectory()) yield* files(path);
    else if (info.size > 0) yield path;
  }
}
