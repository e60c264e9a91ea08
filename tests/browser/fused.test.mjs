//! An index that joins what items read and look like, asked by words, a picture and both: the GPU's lists are the processor's.

import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { fusedShop } from './pictures.mjs';
import { startShop } from './shop.mjs';
import { noAdapter } from './site.mjs';

const made = fusedShop(after);
const site = await startShop(after, { mounts: [['/pictures/', made.root]] });
const blank = await site.blank();
const skip = await noAdapter(blank);
await blank.context().close();
/** Most that a score may differ: texts are multiplied in bytes on the processor and in floats on the GPU (cosine 0.995 at least). */
const TOLERANCE = 0.02;

/** Every item with its score for each question, and what answered, on one device. */
async function ask(page, device) {
  return page.evaluate(async ({ device, items }) => {
    const { Recommender } = await library();
    const shop = await Recommender.open({ index: '/pictures/index/manifest.json', imageModel: true, device, store: 'memory' });
    const lists = {};
    for (const { id, title } of items) {
      const image = await (await fetch(`/pictures/${id}.png`)).blob();
      for (const [kind, query] of Object.entries({ text: { text: title }, image: { image }, both: { text: title, image } })) {
        lists[`${kind} ${id}`] = (await shop.search({ ...query, k: 100 })).map(({ key, score }) => [key, score]);
      }
    }
    const liked = await shop.record({ item: items[0].id, event: 'like' }).then(() => shop.recommend({ k: 100 }));
    const report = shop.report();
    await shop.close();
    return { lists, recommended: liked.map(({ key, score }) => [key, score]), report };
  }, { device, items: made.asked });
}

test('fused: words, pictures and both list the same on the processor and on the GPU', { skip }, async (t) => {
  const page = await site.blank();
  const [cpu, gpu] = [await ask(page, 'wasm'), await ask(page, 'webgpu')];
  assert.equal(cpu.report.device, 'wasm');
  assert.equal(gpu.report.device, 'webgpu', gpu.report.deviceWhy);
  assert.equal(gpu.report.image.device, 'webgpu', gpu.report.image.deviceWhy);
  let worst = 0;
  for (const [question, expected] of Object.entries(cpu.lists)) {
    const found = new Map(gpu.lists[question]);
    assert.equal(expected.length, found.size, question);
    const apart = expected.map(([key, score]) => Math.abs(score - found.get(key)));
    worst = Math.max(worst, ...apart);
    assert.ok(apart.every((difference) => difference <= TOLERANCE), `${question}: scores differ by ${Math.max(...apart)}`);
    // In the same order, but where the processor's scores are nearer than the two devices may be.
    const order = gpu.lists[question].map(([key]) => key);
    const score = new Map(expected);
    for (let at = 1; at < order.length; at += 1) assert.ok(score.get(order[at - 1]) > score.get(order[at]) - 2 * TOLERANCE, `${question}: ${order[at]} stands before ${order[at - 1]}`);
  }
  t.diagnostic(`${Object.keys(cpu.lists).length} lists of ${made.count} items: scores differ by ${worst.toFixed(4)} at most`);
  assert.deepEqual(gpu.recommended, cpu.recommended, 'a list that asks no encoder is the same');
  // The lists are not the same by saying nothing: each question finds its kind, and both parts of one count.
  for (const { lists } of [cpu, gpu]) {
    for (const { id, kind } of made.asked) {
      for (const part of ['text', 'image', 'both']) assert.ok(lists[`${part} ${id}`][0][0].startsWith(kind), `${part} ${id}: ${lists[`${part} ${id}`][0][0]}`);
      assert.notDeepEqual(lists[`both ${id}`], lists[`text ${id}`]);
      assert.notDeepEqual(lists[`both ${id}`], lists[`image ${id}`]);
    }
  }
  assert.deepEqual(page.problems, []);
  await page.context().close();
});
