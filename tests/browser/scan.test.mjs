//! A large index in the page: scanned on the GPU (SwiftShader plays it) once a list was asked for, with the processor's lists.

import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { startShop } from './shop.mjs';
import { noAdapter } from './site.mjs';

const site = await startShop(after);
/** 180,000 items of 384 numbers are 69 MB; from 64 on a GPU is asked. */
const LARGE = { perTopic: 45_000, dim: 384, buckets: 8 };
site.publish(LARGE, 'large');

/** A page with `settled(shop)`, which waits until a session knows where it scans; null, and the test skipped, where there is no GPU. */
async function start(t) {
  const page = await site.blank();
  const skip = await noAdapter(page);
  if (skip) {
    t.skip(skip);
    return null;
  }
  await page.evaluate(() => {
    globalThis.settled = async (shop) => {
      for (let left = 60_000; left > 0 && /nothing else was tried/.test(shop.report().index.scan.why); left -= 100) await new Promise((done) => setTimeout(done, 100));
    };
  });
  return page;
}

/** Lists before and after the devices are settled, and what the report says then. */
function lists(page, device) {
  return page.evaluate(async (device) => {
    const { Recommender } = await library();
    const shop = await Recommender.open({ index: '/x/large/manifest.json', textModel: false, device, store: 'memory' });
    const now = Date.now();
    await shop.record(['tea-7', 'boots-31', 'films-400'].map((item, at) => ({ item, event: 'like', time: now - at * 60_000 })));
    const ask = async () => (await shop.recommend({ k: 30, seed: 1 })).map(({ key, score }) => [key, score]);
    const before = await ask();
    await settled(shop);
    const chosen = shop.report().index.scan;
    // Other interests than before: what was scanned then is kept.
    await shop.record({ item: 'lamps-99', event: 'like', time: now });
    const after = await ask();
    const { scan } = shop.report().index;
    await shop.close();
    return { before, settled: chosen, after, scan };
  }, device);
}

test('scan: a large index goes to the GPU after a list, and its lists are the processor\'s', async (t) => {
  const page = await start(t);
  if (!page) return;
  const [gpu, cpu] = [await lists(page, 'webgpu'), await lists(page, 'wasm')];
  t.diagnostic(JSON.stringify(gpu.scan));
  assert.deepEqual([gpu.settled.device, gpu.scan.device, cpu.scan.device], ['webgpu', 'webgpu', 'wasm'], gpu.scan.why);
  assert.ok(gpu.scan.race.wasm > 0 && gpu.scan.race.webgpu > 0);
  const keys = (list) => list.map(([key]) => key);
  for (const when of ['before', 'after']) {
    assert.deepEqual(keys(gpu[when]), keys(cpu[when]));
    // Likes fade between the two sessions; at the same moment sums are the same to the bit (tests/engine/scan.rs).
    gpu[when].forEach(([key, score], at) => assert.ok(Math.abs(score - cpu[when][at][1]) < 1e-5, `${key}: ${score}, ${cpu[when][at][1]}`));
  }
  assert.notDeepEqual(keys(gpu.before), keys(gpu.after));
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('scan: events that come while lists are scanned are recorded, and the session goes on', async (t) => {
  const page = await start(t);
  if (!page) return;
  const { device, kinds, restarts, events, liked } = await page.evaluate(async () => {
    const { Recommender } = await library();
    const shop = await Recommender.open({ index: '/x/large/manifest.json', textModel: false, device: 'webgpu', store: 'memory' });
    await shop.record({ item: 'tea-7', event: 'like' });
    await shop.recommend({ k: 30 });
    await settled(shop);
    // An interest that was not scanned before each time, so that the device is asked while the event comes.
    const kinds = [];
    for (const [at, ask] of [() => shop.recommend({ k: 5 }), () => shop.profile(), () => shop.similar('boots-9', { k: 5 })].entries()) {
      await shop.record({ item: `films-${at}`, event: 'like' });
      const outcome = await Promise.allSettled([ask(), shop.record({ item: `lamps-${at}`, event: 'like' }), ask(), shop.forget({ item: `lamps-${at}` })]);
      kinds.push(outcome.map(({ status, reason }) => reason?.message ?? status));
    }
    const { events } = await shop.profile();
    const { index, restarts } = shop.report();
    const out = { device: index.scan.device, kinds, restarts, events: events.length, liked: events.map(({ item }) => item) };
    await shop.close();
    return out;
  });
  assert.equal(device, 'webgpu');
  assert.deepEqual(kinds, Array(3).fill(Array(4).fill('fulfilled')));
  assert.deepEqual([restarts, events, liked], [0, 4, ['tea-7', 'films-0', 'films-1', 'films-2']]);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('scan: a shader that sums something else is found out, and lists stay the processor\'s', async (t) => {
  site.inWorkers(`{
    const create = GPUDevice.prototype.createShaderModule;
    GPUDevice.prototype.createShaderModule = function (descriptor) {
      return create.call(this, { ...descriptor, code: descriptor.code.replace('sums[p.first + row] = sum;', 'sums[p.first + row] = sum + i32(row == 170000u % p.rows);') });
    };
  }`);
  const page = await start(t);
  if (!page) return;
  const { settled, scan, before, after } = await lists(page, 'webgpu');
  for (const { device, why } of [settled, scan]) {
    assert.equal(device, 'wasm');
    assert.match(why, /scans wrongly/);
  }
  assert.equal(before.length, 30);
  assert.notDeepEqual(before, after);
  assert.deepEqual(page.problems, []);
  await page.context().close();
  site.inWorkers(null);
});
