//! Words: search with the demo's real index and model, and the encoder on its own.

import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PKG, at } from '../../www/build/root.mjs';
import { startShop } from './shop.mjs';

const site = await startShop(after);

test('text: search finds by meaning, leans towards taste when asked, and explains itself', async () => {
  const page = await site.blank();
  const seen = await page.evaluate(async () => {
    const { Recommender } = await library();
    const phases = [];
    let early = null;
    const shop = await Recommender.open({
      index: '/demo/index/manifest.json',
      onProgress: ({ phase }) => { if (phases.at(-1) !== phase) phases.push(phase); },
      onReady: (ready) => { early = ready.recommend({ k: 3 }); },
    });
    const titles = (hits) => hits.map(({ item }) => item.title);
    const plain = titles(await shop.search({ text: 'something to keep me dry in the rain', k: 5 }));
    const cake = await shop.search({ text: 'birthday cake', k: 3, explain: true });
    const context = titles(await shop.recommend({ k: 5, context: { text: 'a day at the beach' }, diversity: 0 }));
    return { phases, early: (await early).length, plain, cake, context, report: shop.report() };
  });
  assert.equal(seen.early, 3);
  assert.ok(seen.phases.indexOf('ready-to-recommend') < seen.phases.indexOf('model') && seen.phases.at(-1) === 'ready', seen.phases.join());
  assert.ok(seen.plain.some((title) => /umbrella|rain/i.test(title)), seen.plain.join());
  assert.match(seen.cake[0].item.title, /cake/i);
  assert.deepEqual(seen.cake[0].reasons.map(({ term }) => term), ['text']);
  assert.ok(seen.context.some((title) => /beach|sun|sea|wave|surf|swim/i.test(title)), seen.context.join());
  assert.equal(seen.report.text.ready, true);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('text: a text of 2 MB is refused, and nothing else is harmed', async () => {
  const page = await site.blank();
  const seen = await page.evaluate(async () => {
    const { Recommender } = await library();
    const shop = await Recommender.open({ index: '/demo/index/manifest.json', store: 'memory' });
    const long = 'warm boots '.repeat(190_000);
    return {
      search: await caught(shop.search({ text: long })),
      context: await caught(shop.recommend({ context: { text: long } })),
      odd: [await shop.search({ text: '\ud800 lone', k: 1 }), await shop.search({ text: '\u0000\u0007 \u200b日本', k: 1 })].map((hits) => hits.length),
      list: (await shop.recommend({ k: 5 })).length,
      restarts: shop.report().restarts,
    };
  });
  for (const error of [seen.search, seen.context]) {
    assert.equal(error.code, 'bad-input');
    assert.match(error.message, /2090000 bytes. Pass at most/);
  }
  assert.deepEqual([seen.odd, seen.list, seen.restarts], [[1, 1], 5, 0]);
  await page.context().close();
});

test('text: the encoder gives unit vectors, the same alone and in a batch, and stops when told', async () => {
  const page = await site.blank();
  const seen = await page.evaluate(async () => {
    const { Encoder } = await library();
    const encoder = await Encoder.open({ model: '/models/minilm/' });
    const texts = ['warm boots', '', 'a', 'word '.repeat(600), '🥾❄️', '温かい靴', 'x'.repeat(2_000_000), '\ud83d'];
    const batch = await encoder.encode(texts.map((text) => ({ text })));
    const alone = await encoder.encode([texts[0]]);
    const stop = new AbortController();
    const long = caught(encoder.encode(Array.from({ length: 2000 }, (_, n) => `text number ${n} of many`), { signal: stop.signal }));
    setTimeout(() => stop.abort(), 50);
    const stopped = await long;
    const norms = batch.map((vector) => Math.hypot(...vector));
    const typed = batch.every((vector) => vector instanceof Float32Array && vector.length === 384);
    const difference = Math.max(...batch[0].map((value, at) => Math.abs(value - alone[0][at])));
    const bad = await caught(encoder.encode([{ image: 1 }]));
    const report = encoder.report();
    await encoder.close();
    return { norms, typed, difference, stopped, bad, report, closed: await caught(encoder.encode(['x'])) };
  });
  assert.ok(seen.typed);
  for (const norm of seen.norms) assert.ok(Math.abs(norm - 1) < 1e-4, `${seen.norms}`);
  assert.ok(seen.difference < 1e-5, `${seen.difference}`);
  assert.equal(seen.stopped.code, 'aborted');
  assert.equal(seen.bad.code, 'bad-input');
  assert.equal(seen.closed.code, 'closed');
  assert.equal(seen.report.dim, 384);
  await page.context().close();
});

test('text: a worker that ends is replaced with its model, and nothing is fetched', async () => {
  const page = await site.blank();
  await page.evaluate(async () => {
    const { Recommender } = await library();
    globalThis.shop = await Recommender.open({ index: '/demo/index/manifest.json' });
    await shop.search({ text: 'tea' });
  });
  await page.waitForFunction(() => shop.report().store.pending === false);
  const before = site.server.requests.filter(({ path }) => path.startsWith('/demo/')).length;
  const hits = await page.evaluate(async () => {
    workers.at(-1).terminate();
    return shop.search({ text: 'teapot', k: 3 });
  });
  assert.equal(hits.length, 3);
  assert.equal(site.server.requests.filter(({ path }) => path.startsWith('/demo/')).length, before);
  await page.context().close();
});

const FIXTURES = at('tests', 'fixtures', 'minilm');
const DIM = 384;
const dot = (a, b) => a.reduce((sum, value, at) => sum + value * b[at], 0);

/** `texts`: the 200 texts; `golden`: their embeddings by sentence-transformers in fp32, unit length. */
function goldens() {
  const texts = JSON.parse(readFileSync(join(FIXTURES, 'texts.json'), 'utf8'));
  const bytes = readFileSync(join(FIXTURES, 'embeddings.f32'));
  const golden = texts.map((_, row) => Array.from({ length: DIM }, (_, at) => bytes.readFloatLE(4 * (row * DIM + at))));
  return { texts, golden };
}

/**
 * How many of the pairs that the reference tells apart by more than `margin` stand the other way around in `vectors`,
 * every text being the query once and the others the candidates.
 */
function misorderedPairs(vectors, golden, margin) {
  let [wrong, pairs] = [0, 0];
  for (let query = 0; query < golden.length; query += 1) {
    const reference = golden.map((row) => dot(golden[query], row));
    const ours = vectors.map((row) => dot(vectors[query], row));
    for (let a = 0; a < golden.length; a += 1) {
      for (let b = 0; b < golden.length; b += 1) {
        if (a === query || b === query || reference[a] - reference[b] <= margin) continue;
        pairs += 1;
        if (ours[a] <= ours[b]) wrong += 1;
      }
    }
  }
  return { wrong, pairs };
}

for (const [module, kernels] of [['palate_bg.wasm', /wasm-simd128/], ['palate_relaxed_bg.wasm', /wasm/]]) {
  test(`text: ${module} gives the reference's answers on 200 texts, and its ranking`, async (t) => {
    const { texts, golden } = goldens();
    const page = await site.blank();
    const body = readFileSync(join(PKG, module));
    site.server.replace(/^\/pkg\/palate(_relaxed)?_bg\.wasm$/, () => ({ body }));
    const seen = await page.evaluate(async (texts) => {
      const { Encoder } = await library();
      const encoder = await Encoder.open({ model: '/models/minilm/', store: 'memory' });
      const vectors = await encoder.encode(texts.map((text) => ({ text })));
      return { vectors: vectors.map((vector) => [...vector]), report: encoder.report() };
    }, texts);
    site.server.replace(/^\/pkg\/palate(_relaxed)?_bg\.wasm$/, null);
    const cosines = seen.vectors.map((vector, row) => dot(vector, golden[row]));
    const mean = cosines.reduce((sum, value) => sum + value, 0) / cosines.length;
    const least = Math.min(...cosines);
    const { wrong, pairs } = misorderedPairs(seen.vectors, golden, 0.03);
    t.diagnostic(`${seen.report.kernels}: mean cosine ${mean.toFixed(5)}, minimum ${least.toFixed(5)}, ${wrong} of ${pairs} pairs misordered`);
    assert.match(seen.report.kernels, kernels);
    assert.equal(cosines.length, 200);
    assert.ok(mean >= 0.999 && least >= 0.995, `mean ${mean}, minimum ${least}`);
    assert.equal(wrong, 0, `${wrong} of ${pairs} pairs`);
    await page.context().close();
  });
}
