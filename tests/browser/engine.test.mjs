//! The package end to end over synthetic catalogs: open, record, recommend, similar, profile, forget, export, sync.

import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { startShop } from './shop.mjs';

const site = await startShop(after);

for (const store of ['opfs', 'indexeddb', 'memory']) {
  test(`engine: open, record, recommend over ${store}`, async () => {
    const page = await site.blank();
    const seen = await page.evaluate(async (store) => {
      const { Recommender } = await library();
      const phases = [];
      const shop = await Recommender.open({ index: '/shop/manifest.json', store, textModel: false, onProgress: ({ phase }) => phases.push(phase) });
      const first = await shop.recommend({ k: 8 });
      await shop.record({ item: 'tea-3', event: 'like' });
      const second = await shop.recommend({ k: 8, diversity: 0, explain: true });
      const similar = await shop.similar('boots-1', { k: 5 });
      const report = shop.report();
      await shop.close();
      return { phases, first, second, similar, report };
    }, store);
    assert.equal(seen.first.length, 8);
    assert.ok(seen.second.every(({ key }) => key.startsWith('tea-') && key !== 'tea-3'), JSON.stringify(seen.second));
    assert.deepEqual(seen.second[0].reasons[0].because, ['tea-3']);
    assert.equal(seen.second[0].reasons[0].term, 'liked');
    assert.ok(Math.abs(seen.second[0].reasons.reduce((sum, { weight }) => sum + weight, 0) - seen.second[0].score) < 1e-5);
    assert.equal(seen.second[0].item.topic, 'tea');
    assert.ok(seen.similar.every(({ key }) => key.startsWith('boots-')));
    assert.equal(seen.report.store.kind, store);
    assert.equal(seen.report.index.items, 100);
    assert.equal(seen.report.history.events, 1);
    assert.ok(seen.phases.includes('index') && seen.phases.includes('ready-to-recommend'), seen.phases.join());
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });
}
