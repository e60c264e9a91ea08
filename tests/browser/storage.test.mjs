//! Where things are kept: fallbacks and why, a full device, eviction, leave to keep them, two tabs, forgetting.

import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { startShop } from './shop.mjs';

const site = await startShop(after);

const NO_OPFS = "navigator.storage.getDirectory = () => Promise.reject(new DOMException('', 'SecurityError'))";
const NO_IDB = "Object.defineProperty(self, 'indexedDB', { get() { throw new DOMException('', 'SecurityError'); } })";

/** Opens with `options`, likes one item, and gives report and list. */
function visit(page, options) {
  return page.evaluate(async (options) => {
    const { Recommender } = await library();
    return caught((async () => {
      const shop = await Recommender.open({ index: '/shop/manifest.json', textModel: false, ...options });
      await shop.record({ item: 'tea-3', event: 'like' });
      const list = await shop.recommend({ k: 5 });
      const report = shop.report();
      await shop.close();
      return { report, list };
    })());
  }, options);
}

test('storage: without a private file system the database is used, and the report says why', async () => {
  site.inWorkers(NO_OPFS);
  const page = await site.blank();
  const { value } = await visit(page, {});
  assert.equal(value.report.store.kind, 'indexeddb');
  assert.match(value.report.store.why, /SecurityError/);
  site.inWorkers(null);
  await page.context().close();
});

test('storage: denied altogether, everything works from memory, and the report says so', async () => {
  site.inWorkers(`${NO_OPFS};${NO_IDB}`);
  const page = await site.blank();
  const { value } = await visit(page, {});
  assert.equal(value.report.store.kind, 'memory');
  assert.match(value.report.store.why, /No database/);
  assert.ok(value.list.every(({ key }) => key.startsWith('tea')));
  site.inWorkers(null);
  await page.context().close();
});

test('storage: a file system without a place for the key keeps nothing that could not be read again', async () => {
  site.inWorkers(NO_IDB);
  const page = await site.blank();
  const { value } = await visit(page, {});
  assert.equal(value.report.store.kind, 'memory');
  assert.match(value.report.store.why, /key/);
  const asked = await visit(page, { store: 'opfs' });
  assert.equal(asked.code, 'storage');
  assert.match(asked.message, /store: 'memory'/);
  site.inWorkers(null);
  await page.context().close();
});

for (const [store, script] of [['opfs', NO_OPFS], ['indexeddb', NO_IDB]]) {
  test(`storage: ${store} asked for and denied is an error that says what to do`, async () => {
    site.inWorkers(script);
    const page = await site.blank();
    const error = await visit(page, { store });
    assert.equal(error.code, 'storage');
    assert.match(error.message, /Allow the site to store data/);
    site.inWorkers(null);
    await page.context().close();
  });
}

for (const store of ['opfs', 'indexeddb']) {
  test(`storage: a full device refuses an event in ${store}, says so, and loses nothing`, async () => {
    const page = await site.blank();
    const devtools = await page.context().newCDPSession(page);
    const quota = (bytes) => devtools.send('Storage.overrideQuotaForOrigin', { origin: site.server.url, ...(bytes === null ? {} : { quotaSize: bytes }) });
    // Set before anything is stored: databases remember for a while how much room there was.
    await quota(3_000_000);
    await page.evaluate(async (store) => {
      const { Recommender } = await library();
      globalThis.shop = await Recommender.open({ index: '/shop/manifest.json', textModel: false, store, name: 'full' });
      await shop.record({ item: 'tea-1', event: 'like' });
    }, store);
    const { refused, accepted } = await page.evaluate(async () => {
      for (let call = 0; call < 40; call += 1) {
        const refused = await caught(shop.record(Array.from({ length: 1000 }, (_, n) => ({ item: `tea-${n % 25}`, event: 'view', context: { note: 'n'.repeat(200) } }))));
        if (refused.code) return { refused, accepted: 1000 * call };
      }
      return { refused: {} };
    });
    assert.equal(refused.code, 'quota', JSON.stringify(refused));
    assert.match(refused.message, /Free some space/);
    const kept = await page.evaluate(async () => ({ events: (await shop.profile()).events.length, list: await shop.recommend({ k: 3 }) }));
    assert.equal(kept.events, 1 + accepted, 'the refused call added nothing');
    assert.ok(kept.list.every(({ key }) => key.startsWith('tea')));
    await quota(null);
    const after = await page.evaluate(async (store) => {
      await shop.record({ item: 'tea-2', event: 'like' });
      await shop.close();
      const { Recommender } = await library();
      const again = await Recommender.open({ index: '/shop/manifest.json', textModel: false, store, name: 'full' });
      return { items: (await again.profile()).events.map(({ item }) => item), report: again.report() };
    }, store);
    assert.equal(after.items.length, 2 + accepted);
    assert.deepEqual([after.items[0], after.items.at(-1)], ['tea-1', 'tea-2']);
    assert.equal(after.report.history.damaged, 0);
    await page.context().close();
  });
}

test('storage: a device too full for the index works from memory and says so', async () => {
  site.publish({ perTopic: 5000, dim: 64 }, 'large');
  const page = await site.blank();
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Storage.overrideQuotaForOrigin', { origin: site.server.url, quotaSize: 300_000 });
  const seen = await page.evaluate(async () => {
    const { Recommender } = await library();
    const shop = await Recommender.open({ index: '/x/large/manifest.json', textModel: false });
    return { list: await shop.recommend({ k: 5 }), report: shop.report(), strict: await caught(Recommender.open({ index: '/x/large/manifest.json', textModel: false, store: 'opfs', name: 'strict' })) };
  });
  assert.equal(seen.list.length, 5);
  assert.equal(seen.report.store.unstored.code, 'quota');
  assert.equal(seen.strict.code, 'quota');
  await page.context().close();
});

test('storage: what the browser evicted is noticed and fetched again', async () => {
  const page = await site.blank();
  await visit(page, { name: 'evicted' });
  await page.evaluate(async () => {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('palate');
    await folder.removeEntry('r-n-evicted', { recursive: true });
  });
  const { value } = await visit(page, { name: 'evicted' });
  assert.equal(value.report.store.evicted, true);
  assert.equal(value.report.index.items, 100);
  const { value: again } = await visit(page, { name: 'evicted' });
  assert.equal(again.report.store.evicted, false);
  await page.context().close();
});

/** Waits until a tab's session knows of so many events: browsers carry the word from tab to tab at their leisure. */
const knows = (page, events) => page.waitForFunction(async (events) => (await shop.profile()).events.length === events, events, { polling: 100 });

for (const store of ['opfs', 'indexeddb']) {
  test(`tabs: two that record at the same time in ${store} keep every event`, async () => {
    const first = await site.blank();
    const second = await first.context().newPage();
    await second.goto(first.url());
    await second.evaluate(`globalThis.library = () => import('/lib/index.js')`);
    const work = async ([store, topic]) => {
      const { Recommender } = await library();
      const shop = await Recommender.open({ index: '/shop/manifest.json', textModel: false, store, name: 'tabs' });
      for (let n = 0; n < 40; n += 1) {
        await shop.record({ item: `${topic}-${n % 25}`, event: 'view' });
        if (n % 10 === 0) await shop.recommend({ k: 3 });
      }
      globalThis.shop = shop;
      return (await shop.profile()).events.length;
    };
    await Promise.all([first.evaluate(work, [store, 'tea']), second.evaluate(work, [store, 'boots'])]);
    // What one tab records, the other one's next list knows.
    await first.evaluate(() => shop.record({ item: 'lamps-1', event: 'purchase' }));
    await knows(second, 81);
    assert.equal(await second.evaluate(() => shop.report().history.damaged), 0);
    // And what one forgets is forgotten in the other.
    await second.evaluate(() => shop.forget({ all: true }));
    await knows(first, 0);
    await first.evaluate(() => shop.record({ item: 'tea-1', event: 'like' }));
    await knows(second, 1);
    await first.context().close();
  });
}

test('tabs: many that open in the same moment keep one index, and fetch a model once', async () => {
  const page = await site.blank();
  const faults = await page.evaluate(async () => {
    const { Recommender } = await library();
    const faults = [];
    for (let round = 0; round < 6; round += 1) {
      const open = () => Recommender.open({ index: '/shop/manifest.json', textModel: false, store: 'opfs', name: `moment-${round}` });
      const opened = await Promise.all(Array.from({ length: 6 }, () => caught(open().then(async (shop) => {
        await shop.record({ item: 'tea-1', event: 'view' });
        const { store } = shop.report();
        await shop.close();
        return store.unstored ?? null;
      }))));
      faults.push(...opened.map(({ value, message }) => message ?? value).filter(Boolean));
    }
    return faults;
  });
  assert.deepEqual(faults, []);
  site.server.reset();
  const texts = await page.evaluate(async () => {
    const { Recommender } = await library();
    const open = () => Recommender.open({ index: '/demo/index/manifest.json', name: 'model' });
    const shops = await Promise.all([open(), open(), open()]);
    return Promise.all(shops.map(async (shop) => (await shop.search({ text: 'umbrella', k: 1 }))[0].item.title));
  });
  assert.deepEqual(new Set(texts).size, 1);
  const packs = site.server.requests.filter(({ path }) => path.includes('MiniLM'));
  assert.equal(packs.length, 1, JSON.stringify(packs));
  await page.context().close();
});

// Bug: in a browser that asks its visitor first, nothing was recorded until he answered.
test('storage: an event is recorded before the visitor has said whether data may be kept for good', async () => {
  const page = await site.blank();
  const seen = await page.evaluate(async () => {
    let answer;
    StorageManager.prototype.persist = () => new Promise((resolve) => { answer = resolve; });
    const { Recommender } = await library();
    const shop = await Recommender.open({ index: '/shop/manifest.json', textModel: false, name: 'asked' });
    const persisted = [shop.report().persisted];
    await shop.record({ item: 'tea-1', event: 'like' });
    persisted.push(shop.report().persisted);
    answer(true);
    await Promise.resolve();
    persisted.push(shop.report().persisted);
    return { persisted, events: (await shop.profile()).events.length };
  });
  assert.deepEqual(seen, { persisted: [null, false, true], events: 1 });
  await page.context().close();
});

test('storage: export and import carry a history to another place, once', async () => {
  const page = await site.blank();
  const seen = await page.evaluate(async () => {
    const { Recommender } = await library();
    const open = (name) => Recommender.open({ index: '/shop/manifest.json', textModel: false, name });
    const [one, two] = await Promise.all([open('one'), open('two')]);
    await one.record([{ item: 'tea-1', event: 'like' }, { item: 'tea-2', event: 'dwell', value: 12.5, context: { place: 'home' } }]);
    const text = await one.history.export();
    const first = await two.history.import(text);
    const second = await two.history.import(new TextEncoder().encode(text));
    const third = await two.history.import(new Blob([text]));
    const same = (await two.history.export()) === text;
    return { first, second, third, same, forgot: await two.forget({ item: 'tea-1' }), left: (await two.profile()).events.length };
  });
  assert.deepEqual(seen.first, { added: 2, known: 0, unknownItems: 0 });
  assert.deepEqual(seen.second, { added: 0, known: 2, unknownItems: 0 });
  assert.deepEqual(seen.third, { added: 0, known: 2, unknownItems: 0 });
  assert.equal(seen.same, true);
  assert.deepEqual([seen.forgot, seen.left], [1, 1]);
  await page.context().close();
});
