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

test('engine: pairs lead both ways, each by its own weight', async () => {
  site.publish({ buckets: 2, beside: [['tea-3', 'boots-7'], ['tea-3', 'lamps-2'], ['films-1', 'lamps-9']] }, 'pairs');
  const page = await site.blank();
  const lists = await page.evaluate(async () => {
    const { Recommender } = await library();
    const shop = await Recommender.open({ index: '/x/pairs/manifest.json', textModel: false, store: 'memory' });
    const lists = {};
    for (const key of ['tea-3', 'boots-7', 'lamps-2']) {
      await shop.forget({ all: true });
      await shop.record({ item: key, event: 'like' });
      const list = await shop.recommend({ k: 100, diversity: 0, explain: true });
      lists[key] = list.map(({ key, score, reasons }) => ({ key, score, sum: reasons.reduce((sum, { weight }) => sum + weight, 0), trained: reasons.find(({ term }) => term === 'trained')?.weight ?? 0 }));
    }
    await shop.close();
    return lists;
  });
  const found = (liked) => Object.fromEntries(lists[liked].filter(({ trained }) => trained > 0.05).map(({ key, trained }) => [key, trained]));
  assert.deepEqual(Object.keys(found('tea-3')).sort(), ['boots-7', 'lamps-2']);
  assert.deepEqual(Object.keys(found('boots-7')), ['tea-3']);
  assert.deepEqual(Object.keys(found('lamps-2')), ['tea-3']);
  assert.ok(Math.abs(found('boots-7')['tea-3'] - found('lamps-2')['tea-3']) < 1e-5, 'a column has one height');
  const ratios = Object.values(found('tea-3')).map((trained) => trained / found('boots-7')['tea-3']);
  assert.ok(ratios.every((ratio) => [0.5, 1, 2].some((wanted) => Math.abs(ratio - wanted) < 1e-4)), JSON.stringify(lists));
  for (const { score, sum } of Object.values(lists).flat()) assert.ok(Math.abs(score - sum) < 1e-3);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('engine: what the publisher trained leads elsewhere than content, and says so', async () => {
  const { manifest } = site.publish({ buckets: 2, pairs: [['tea-3', 'boots-7'], ['tea-3', 'lamps-2'], ['films-1', 'lamps-9']], popular: ['boots-1'] }, 'trained');
  const page = await site.blank();
  const seen = await page.evaluate(async () => {
    const { Recommender } = await library();
    const shop = await Recommender.open({ index: '/x/trained/manifest.json', textModel: false });
    const first = await shop.recommend({ k: 100, diversity: 0, explain: true });
    await shop.record({ item: 'tea-3', event: 'like' });
    const second = await shop.recommend({ k: 5, diversity: 0, explain: true });
    const report = shop.report();
    await shop.close();
    return { first, second, report };
  });
  assert.equal(seen.first.reduce((most, hit) => (hit.score > most.score ? hit : most)).key, 'boots-1', 'without a history the popular one');
  assert.ok(seen.first.every(({ reasons }) => reasons.every(({ term }) => term === 'popularity')));
  assert.deepEqual(seen.second.slice(0, 2).map(({ key }) => key).sort(), ['boots-7', 'lamps-2']);
  for (const { score, reasons } of seen.second) assert.ok(Math.abs(reasons.reduce((sum, { weight }) => sum + weight, 0) - score) < 1e-3);
  const [reason] = seen.second[0].reasons;
  assert.equal(reason.term, 'trained');
  assert.deepEqual(reason.because, ['tea-3']);
  assert.ok(Math.abs(reason.shares[0] - reason.weight) < 1e-5 && reason.weight > 0.5, JSON.stringify(reason));
  assert.ok(seen.second[2].key.startsWith('tea-'), 'then content');
  const shard = manifest.shards.find(({ kind }) => kind === 'ranker');
  assert.deepEqual(seen.report.index.ranker, { file: shard.file, sha256: shard.sha256, bytes: shard.bytes, terms: ['transitions'] });
  assert.deepEqual(page.problems, []);
  await page.context().close();
});
