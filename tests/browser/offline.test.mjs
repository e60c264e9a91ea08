//! With the server killed and the page reloaded everything still works; a worker that dies costs nothing.

import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { at } from '../../www/build/root.mjs';
import { startShop } from './shop.mjs';

const open = (store) => `(async () => {
  const { Recommender } = await library();
  globalThis.shop = await Recommender.open({ index: '/shop/manifest.json', textModel: false, store: '${store}' });
})()`;

for (const store of ['opfs', 'indexeddb']) {
  test(`offline: server killed, browser restarted, page reloaded, from ${store}`, async () => {
    const site = await startShop(after, { profile: true });
    const sw = readFileSync(at('tests', 'browser', 'pages', 'sw.js'));
    site.server.replace(/^\/test-sw\.js$/, () => ({ body: sw, headers: { 'Content-Type': 'text/javascript' } }));
    let page = await site.blank();
    await page.evaluate(() => navigator.serviceWorker.register('/test-sw.js').then(() => navigator.serviceWorker.ready));
    await page.reload();
    await page.evaluate(open(store));
    await page.evaluate(() => shop.record([{ item: 'lamps-3', event: 'like' }, { item: 'boots-1', event: 'dislike' }]));
    const before = await page.evaluate(() => shop.recommend({ k: 10, seed: 1 }));
    const url = page.url();
    await site.server.kill();
    await site.restart();
    page = await site.browser.newPage();
    await page.goto(url);
    await page.evaluate(`globalThis.library = () => import('/lib/index.js')`);
    await page.evaluate(open(store));
    const seen = await page.evaluate(async () => {
      const list = await shop.recommend({ k: 10, seed: 1 });
      await shop.record({ item: 'lamps-4', event: 'like' });
      return { list, similar: await shop.similar('tea-1'), report: shop.report(), events: (await shop.profile()).events.length };
    });
    assert.equal(seen.report.index.origin, 'stored');
    assert.equal(seen.report.index.problem.code, 'network');
    assert.deepEqual(seen.list.map(({ key }) => key), before.map(({ key }) => key));
    assert.equal(seen.events, 3);
    assert.equal(seen.similar.length, 12);
  });
}

const site = await startShop(after);

test('crash: a worker ended in the middle of record, forty times, loses nothing that was acknowledged', async () => {
  const page = await site.blank();
  const seen = await page.evaluate(async () => {
    const { Recommender } = await library();
    const shop = await Recommender.open({ index: '/shop/manifest.json', textModel: false, name: 'crash' });
    const acknowledged = [];
    let seed = 7;
    const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
    for (let n = 0; n < 40; n += 1) {
      const times = [0, 1, 2].map((part) => 1_000_000 + 3 * n + part);
      const calls = times.map((time) => shop.record({ item: `tea-${n % 25}`, event: 'view', time }).then(() => acknowledged.push(time)));
      await new Promise((done) => setTimeout(done, random() * 12));
      workers.at(-1).terminate();
      await Promise.all(calls);
    }
    const { events } = await shop.profile();
    const report = shop.report();
    await shop.close();
    // What another visit finds.
    const again = await Recommender.open({ index: '/shop/manifest.json', textModel: false, name: 'crash' });
    const found = (await again.profile()).events.map(({ time }) => time);
    return { acknowledged, times: events.map(({ time }) => time), found, report, after: again.report() };
  });
  const sorted = (times) => [...times].sort((a, b) => a - b);
  assert.equal(seen.acknowledged.length, 120);
  assert.deepEqual(sorted(seen.times), sorted(seen.acknowledged), 'each exactly once');
  assert.deepEqual(sorted(seen.found), sorted(seen.acknowledged), 'at rest too');
  // Some kills hit a worker whose death was not noticed yet.
  assert.ok(seen.report.restarts >= 20, `${seen.report.restarts} restarts`);
  assert.equal(seen.after.history.damaged, 0);
  await page.context().close();
});

test('crash: a worker ended before it could say that it lives is replaced too', async () => {
  const page = await site.blank();
  const seen = await page.evaluate(async () => {
    const { Recommender } = await library();
    const shop = await Recommender.open({ index: '/shop/manifest.json', textModel: false, name: 'early' });
    workers.at(-1).terminate();
    const calls = [1, 2, 3].map((time) => shop.record({ item: `tea-${time}`, event: 'like', time }));
    // The moment the death is noticed, the next worker is ended as well.
    while (workers.length < 2) await new Promise((done) => setTimeout(done, 1));
    workers.at(-1).terminate();
    await Promise.all(calls);
    return { events: (await shop.profile()).events.map(({ time }) => time), restarts: shop.report().restarts };
  });
  assert.deepEqual(seen.events, [1, 2, 3]);
  assert.equal(seen.restarts, 2);
  await page.context().close();
});

test('crash: the next call starts a new worker by itself and asks for nothing', async () => {
  const page = await site.blank();
  await page.evaluate(async () => {
    const { Recommender } = await library();
    globalThis.shop = await Recommender.open({ index: '/shop/manifest.json', textModel: false });
    await shop.record({ item: 'films-2', event: 'like' });
    workers.at(-1).terminate();
    await new Promise((done) => setTimeout(done, 100));
  });
  const paths = () => site.server.requests.map(({ path }) => path).filter((path) => path.startsWith('/shop/'));
  const before = paths().length;
  const list = await page.evaluate(() => shop.recommend({ k: 5 }));
  assert.ok(list.every(({ key }) => key.startsWith('films')), 'with the history of before');
  assert.equal(paths().length, before, 'the index came from the device');
  await page.context().close();
});

test('crash: a worker that cannot live is given up with an error that says so', async () => {
  site.inWorkers('setTimeout(() => { throw new Error("boom") }, 0)');
  const page = await site.blank();
  const error = await page.evaluate(async () => {
    const { Recommender } = await library();
    return caught(Recommender.open({ index: '/shop/manifest.json', textModel: false, store: 'memory' }));
  });
  site.inWorkers(null);
  assert.equal(error.code, 'crashed');
  assert.match(error.message, /Reload/);
  await page.context().close();
});

test('close: twice is fine, calls after it are refused, calls under way too', async () => {
  const page = await site.blank();
  const seen = await page.evaluate(async () => {
    const { Recommender } = await library();
    const shop = await Recommender.open({ index: '/shop/manifest.json', textModel: false });
    const under = caught(shop.recommend());
    await shop.close();
    await shop.close();
    return [await under, await caught(shop.record({ item: 'tea-1', event: 'like' }))];
  });
  assert.deepEqual(seen.map(({ code }) => code), ['closed', 'closed']);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});
