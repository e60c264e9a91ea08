//! How long a recommendation takes in Chromium: a large catalog with every term on, and a middling one with a tap before each list;
//! and iALS's fold-in alone: a small catalog with 128 factors, and the same one without them.
//!
//!     node tests/bench/recommend.mjs [--json FILE] [--lists N] [--only large|middling|fold] [--keep FOLDER]
//!
//! Times are the page's own, message to the worker and back included. Records: `tests/bench/record/`.

import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { serve } from '../../www/build/serve.mjs';
import { MOUNTS } from '../../www/build/site.mjs';
import { at } from '../../www/build/root.mjs';
import { launch, NO_CHROMIUM } from '../browser/browser.mjs';
import { gapBytes, keysHash, random, safetensors, TOPICS, writeIndex } from '../browser/catalog.mjs';
import { keep, option, quantiles } from './report.mjs';

const SIZES = {
  large: { perTopic: 25_000, dim: 384, buckets: 8, history: 1000 },
  middling: { perTopic: 2_500, dim: 384, buckets: 1, history: 200 },
  // Of so few items the scan takes next to nothing: what the first one takes longer is the fold-in. Of the 1,000 events the engine
  // weighs those with the newest 400 items.
  folded: { perTopic: 1000, dim: 32, buckets: 1, history: 1000, rows: [], factors: 128 },
  unfolded: { perTopic: 1000, dim: 32, buckets: 1, history: 1000, rows: [], factors: 0 },
};
const ROW = 50;
const BARS = { large: 15, middling: 10 };

/** A ranker with every linear term and factors, of random weights: what is timed does not depend on what they say. */
function trained(keys, { rows: names = ['ease', 'ease-content', 'transitions'], factors = 64 }) {
  const uniform = random(11);
  const n = keys.length;
  const floats = (values) => Buffer.from(Float32Array.from(values).buffer);
  const bytes = (count, of) => { const array = new Int8Array(count); for (let i = 0; i < count; i += 1) array[i] = of(); return Buffer.from(array.buffer); };
  const rows = (name) => {
    const upper = name.startsWith('ease');
    const columns = Array.from({ length: n }, (_, row) => {
      // Ascending within a row, spread over the catalog; of pairs, over what comes after, so that everybody has some 50 on either side.
      const first = upper ? row + 1 : 0;
      const step = Math.floor((n - first) / ROW);
      return step < 1 ? [] : Array.from({ length: ROW }, (_, e) => first + e * step + Math.floor(uniform() * step));
    });
    const entries = columns.reduce((sum, row) => sum + row.length, 0);
    const gaps = gapBytes(columns, upper);
    const last = upper ? ['heights', () => 1] : ['base', () => 0.0005 * uniform()];
    return [
      [`${name}.scales`, 'F32', [n], floats(Array.from({ length: n }, () => 0.002))], [`${name}.${last[0]}`, 'F32', [n], floats(Array.from({ length: n }, last[1]))],
      [`${name}.gaps`, 'U8', [gaps.length], gaps], [`${name}.values`, 'I8', [entries], bytes(entries, () => Math.floor(uniform() * 120))],
    ];
  };
  const gram = new Float32Array(factors * factors);
  for (let i = 0; i < factors; i += 1) gram[i * factors + i] = n * 0.01;
  const count = 1 + names.length + (factors ? 1 : 0);
  const ials = factors ? [
    ['ials.vectors', 'I8', [n, factors], bytes(n * factors, () => Math.floor(uniform() * 200) - 100)],
    ['ials.scales', 'F32', [n], floats(Array.from({ length: n }, () => 0.01))],
    ['ials.gram', 'F32', [factors, factors], Buffer.from(gram.buffer)], ['ials.fold', 'F32', [3], floats([0.1, 0.003, 1])],
  ] : [];
  const tensors = [
    ['popularity', 'U32', [n], Buffer.from(Uint32Array.from({ length: n }, () => 1 + Math.floor(900 * uniform() ** 3)).buffer)],
    ['gains', 'F32', [count], floats([0.1, 0.3, 0.3, 0.3, 0.3].slice(0, count))], ['taus', 'F32', [count], floats([0, 50, 20, 4, 50].slice(0, count))],
    ...names.flatMap(rows), ...ials,
  ];
  tensors.sort((a, b) => 'F32 U32 I8 U8'.indexOf(a[1]) - 'F32 U32 I8 U8'.indexOf(b[1]));
  const terms = ['popularity:popularity', ...names.map((name) => `${name}:${name.startsWith('ease') ? 'pairs' : 'rows'}`), ...(factors ? ['ials:factors'] : [])].join();
  return safetensors(tensors, { format: 'palate-shard', version: '2', kind: 'ranker', users: '1000', keys: keysHash(keys).toString(16).padStart(16, '0'), scale: 'raw', unit: '0.05', terms });
}

async function measure(page, name, { perTopic, history }, lists) {
  return page.evaluate(async ({ name, perTopic, history, lists, topics }) => {
    const { Recommender } = await import('/lib/index.js');
    const opened = performance.now();
    const shop = await Recommender.open({ index: `/x/${name}/manifest.json`, textModel: false, name });
    const openMs = performance.now() - opened;
    // Every topic, every kind, half a year: eight interests and aversions of either sign.
    const kinds = ['view', 'like', 'click', 'save', 'view', 'purchase', 'dwell', 'dislike'];
    const now = Date.now();
    const key = (i) => `${topics[i % topics.length]}-${(i * 7919) % perTopic}`;
    await shop.record(Array.from({ length: history }, (_, i) => ({ item: key(i), event: kinds[i % kinds.length], value: kinds[i % kinds.length] === 'dwell' ? 40 : undefined, time: now - (history - i) * 3_600_000 })));
    const time = async (call) => {
      for (let i = 0; i < 5; i += 1) await call(i);
      const times = [];
      for (let i = 0; i < lists; i += 1) {
        const start = performance.now();
        await call(i + 5);
        times.push(performance.now() - start);
      }
      return times;
    };
    const first = performance.now();
    await shop.recommend({ k: 20 });
    const firstMs = performance.now() - first;
    const times = { recommend: await time(() => shop.recommend({ k: 20 })) };
    times.explained = await time(() => shop.recommend({ k: 20, explain: true }));
    times.bent = await time((i) => shop.recommend({ k: 20, explain: true, explore: 0.1, seed: i, variety: 'dpp', calibrate: { field: 'topic' }, fair: { field: 'topic' }, cap: { field: 'topic', most: 8 } }));
    times.similar = await time((i) => shop.similar(key(i), { k: 20 }));
    times['record and recommend'] = await time(async (i) => {
      await shop.record({ item: key(i * 13 + 1), event: 'like' });
      await shop.recommend({ k: 20 });
    });
    const { index, module } = shop.report();
    await shop.close();
    return { times, openMs, firstMs, items: index.items, terms: index.ranker.terms, bytes: index.bytes, module };
  }, { name, perTopic, history, lists, topics: TOPICS });
}

async function main() {
  const lists = Number(option('--lists', 100));
  const only = option('--only');
  const names = only === 'fold' ? ['folded', 'unfolded'] : only ? [only] : Object.keys(SIZES);
  const kept = option('--keep');
  const root = kept ? resolve(kept) : mkdtempSync(join(tmpdir(), 'palate-bench-'));
  const browser = await launch();
  if (!browser) throw new Error(NO_CHROMIUM);
  const server = await serve({ mounts: [...MOUNTS, ['/x/', root], ['/t/', at('tests', 'browser', 'pages')]] });
  const report = { machine: { cpu: cpus()[0].model, cores: cpus().length, chromium: browser.version(), load: loadavg() }, ms: {} };
  try {
    for (const name of names) {
      writeIndex(join(root, name), { ...SIZES[name], trained: (keys) => trained(keys, SIZES[name]) });
      const page = await (await browser.newContext()).newPage();
      await page.goto(`${server.url}/t/blank.html`);
      const { times, ...rest } = await measure(page, name, SIZES[name], lists);
      await page.context().close();
      report.ms[name] = { ...rest, openMs: Math.round(rest.openMs), firstMs: Number(rest.firstMs.toFixed(1)), historyEvents: SIZES[name].history, bar: BARS[name], ...Object.fromEntries(Object.entries(times).map(([what, all]) => [what, quantiles(all, 'lists')])) };
      console.log(`${name}: ${rest.items} items, ${SIZES[name].history} events, ${rest.terms.join(' + ')}, ${rest.module}`);
      console.log(`  the first list         ${rest.firstMs.toFixed(1)} ms`);
      for (const what of Object.keys(times)) {
        const { median, p95, max } = report.ms[name][what];
        console.log(`  ${what.padEnd(22)} median ${median.toFixed(1)} ms   p95 ${p95.toFixed(1)} ms   max ${max.toFixed(1)} ms`);
      }
    }
    const { folded, unfolded } = report.ms;
    if (folded && unfolded) {
      report.foldInMs = Number((folded.recommend.median - unfolded.recommend.median).toFixed(2));
      console.log(`fold-in: ${report.foldInMs} ms, the difference of these medians; with the least times ${(folded.recommend.min - unfolded.recommend.min).toFixed(2)} ms`);
    }
    report.machine.loadAfter = loadavg();
    if (option('--json')) keep(option('--json'), report);
  } finally {
    await browser.close();
    await server.kill();
    if (!kept) rmSync(root, { recursive: true, force: true });
  }
}

await main();
