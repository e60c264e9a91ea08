//! Bad input in Chromium: each with an error that says what to do, and nothing lost. Every byte of the formats is fuzzed
//! natively; here the whole way through network, worker and store is walked.

import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { makeIndex } from './catalog.mjs';
import { startShop } from './shop.mjs';

const site = await startShop(after);
const { manifest, files } = makeIndex();
const [[shard, bytes]] = Object.entries(files);
const text = JSON.stringify(manifest);

/** Opens the index while `path` is answered with `body`, and gives the outcome; the answer is right again afterwards. */
async function openWith(page, path, body, options = {}) {
  if (path) site.server.replace(path, () => ({ body: Buffer.from(body) }));
  try {
    return await page.evaluate(async (options) => {
      const { Recommender } = await library();
      return caught((async () => {
        const shop = await Recommender.open({ index: '/shop/manifest.json', ...options });
        const seen = { report: shop.report(), events: (await shop.profile()).events.length, list: (await shop.recommend({ k: 5 })).length };
        await shop.close();
        return seen;
      })());
    }, options);
  } finally {
    if (path) site.server.replace(path, null);
  }
}

function flipped(bytes, at) {
  const copy = Buffer.from(bytes);
  copy[at] ^= 0x20;
  return copy;
}

const SHARD = /^\/shop\/items-/;
const MANIFEST = /^\/shop\/manifest\.json$/;

test('bad input: a damaged shard is refused, whatever part of it, and the next try works', async () => {
  const page = await site.blank();
  const damaged = {
    'empty': [], 'half': bytes.subarray(0, bytes.length >> 1), 'one byte short': bytes.subarray(0, -1), 'one byte more': [...bytes, 0],
    'length of the header': flipped(bytes, 0), 'the header': flipped(bytes, 40), 'the first tensor': flipped(bytes, bytes.length >> 1),
    'the last byte': flipped(bytes, bytes.length - 1), 'something else': Buffer.from('<!doctype html><title>404</title>'),
  };
  for (const [what, body] of Object.entries(damaged)) {
    const error = await openWith(page, SHARD, body, { name: 'shard' });
    assert.equal(error.code, 'corrupt', `${what}: ${JSON.stringify(error)}`);
    assert.match(error.message, new RegExp(`${shard}.*(Fetch or build it again)`), what);
  }
  const { value } = await openWith(page, null, null, { name: 'shard' });
  assert.equal(value.report.index.items, 100);
  await page.context().close();
});

test('bad input: a damaged manifest is refused, and one of an earlier visit goes on working', async () => {
  const page = await site.blank();
  const damaged = {
    'empty': '', 'half': text.slice(0, text.length >> 1), 'a web page': '<!doctype html>', 'another JSON': '{"a":1}', 'a list': '[]',
    'broken UTF-8': Buffer.from([...Buffer.from(text.slice(0, 20)), 0xff, 0xfe, ...Buffer.from(text.slice(20))]),
    'a path out of its folder': text.replace(shard, '../../secret'), 'a size beyond reason': text.replace(`"bytes":${bytes.length}`, '"bytes":9e15'),
    'a wrong count': text.replace('"items":100', '"items":7'), 'no shards': text.replace('"shards"', '"chards"'),
  };
  for (const [what, body] of Object.entries(damaged)) {
    const error = await openWith(page, MANIFEST, body, { name: 'fresh' });
    assert.equal(error.code, 'corrupt', `${what}: ${JSON.stringify(error)}`);
    assert.match(error.message, /Fetch or build it again/, what);
  }
  await openWith(page, null, null, { name: 'visited' });
  for (const [what, body] of Object.entries(damaged)) {
    const { value } = await openWith(page, MANIFEST, body, { name: 'visited' });
    assert.equal(value.report.index.origin, 'stored', what);
    assert.equal(value.report.index.problem.code, 'corrupt', what);
    assert.equal(value.list, 5);
  }
  await page.context().close();
});

test('bad input: a newer format version is named, and what is on the device goes on working', async () => {
  const page = await site.blank();
  const newer = text.replace('"version":1', '"version":7');
  const error = await openWith(page, MANIFEST, newer, { name: 'newer' });
  assert.equal(error.code, 'version');
  assert.match(error.message, /version 7.*Update palate/s);
  await openWith(page, null, null, { name: 'newer' });
  const { value } = await openWith(page, MANIFEST, newer, { name: 'newer' });
  assert.equal(value.report.index.problem.code, 'version');
  await page.context().close();
});

// Bug: it was no PalateError, and the session did not survive the next end of its worker.
test('bad input: what no message carries is refused, and the session goes on, with another worker too', async () => {
  const page = await site.blank();
  const seen = await page.evaluate(async () => {
    const { Recommender } = await library();
    const shop = await Recommender.open({ index: '/shop/manifest.json', textModel: false, store: 'memory' });
    const refused = [
      await caught(shop.recommend({ filter: { price: () => 1 } })),
      await caught(shop.record({ item: 'tea-1', event: 'like', context: { place: document.body } })),
    ];
    workers.at(-1).terminate();
    return { refused, list: (await shop.recommend({ k: 3 })).length };
  });
  for (const error of seen.refused) {
    assert.equal(error.typed, true, JSON.stringify(error));
    assert.equal(error.code, 'bad-input');
    assert.match(error.message, /Pass plain values/);
  }
  assert.equal(seen.list, 3);
  await page.context().close();
});

test('bad input: no index there, no server there', async () => {
  const page = await site.blank();
  const missing = await page.evaluate(async () => caught((await library()).Recommender.open({ index: '/nowhere/manifest.json' })));
  assert.equal(missing.code, 'not-found');
  assert.match(missing.message, /Check the address/);
  const broken = await page.evaluate(async () => {
    const failing = caught((await library()).Recommender.open({ index: 'http://localhost:9/manifest.json' }));
    return failing;
  });
  assert.equal(broken.code, 'network');
  await page.context().close();
});

test('bad input: a download that breaks is resumed where it broke', async () => {
  site.publish({ perTopic: 20_000, dim: 64 }, 'large');
  const page = await site.blank();
  site.server.cut(/^\/x\/large\/items-/, 2_000_000);
  const report = await page.evaluate(async () => {
    const { Recommender } = await library();
    const shop = await Recommender.open({ index: '/x/large/manifest.json', textModel: false });
    return shop.report();
  });
  const requests = site.server.requests.filter(({ path }) => path.startsWith('/x/large/items-'));
  assert.equal(report.index.items, 80_000);
  assert.equal(requests.length, 2);
  assert.match(requests[1].range, /^bytes=\d{6,}-$/);
  // What the server had sent and the connection lost on its way never reached the page, so the page's own count is what says where it broke.
  const kept = Number(requests[1].range.match(/\d+/)[0]);
  assert.ok(kept <= requests[0].bytes, 'what is kept had been sent');
  assert.equal(kept + requests[1].bytes, report.index.bytes, 'what was there was not fetched again');
  await page.context().close();
});

test('bad input: an aborted download is resumed at the next visit', async () => {
  site.publish({ perTopic: 20_000, dim: 64, edition: 2 }, 'large');
  const page = await site.blank();
  site.server.throttle(4_000_000);
  const error = await page.evaluate(async () => {
    const { Recommender } = await library();
    const stop = new AbortController();
    return caught(Recommender.open({
      index: '/x/large/manifest.json', textModel: false, signal: stop.signal,
      onProgress: ({ loaded }) => { if (loaded > 2_000_000) stop.abort(); },
    }));
  });
  assert.equal(error.code, 'aborted');
  site.server.reset();
  const report = await page.evaluate(async () => {
    const { Recommender } = await library();
    return (await Recommender.open({ index: '/x/large/manifest.json', textModel: false })).report();
  });
  const [request] = site.server.requests.filter(({ path }) => path.startsWith('/x/large/items-'));
  assert.match(request.range, /^bytes=\d{6,}-$/);
  assert.equal(report.index.items, 80_000);
  await page.context().close();
});

test('bad input: a damaged, foreign or wrong model is refused by search, and lists go on', async () => {
  const pack = Buffer.alloc(200_000, 7);
  const sha256 = createHash('sha256').update(pack).digest('hex');
  const model = { name: 'words', sha256 };
  site.publish({ model, file: 'pack.bin' }, 'modeled');
  const page = await site.blank();
  const outcome = (body, options) => {
    site.server.replace(/^\/x\/modeled\/pack\.bin$/, () => ({ body }));
    site.server.replace(/^\/models\/other\/manifest\.json$/, () => ({
      body: JSON.stringify({ format: 'palate-model', version: 1, name: 'other', file: 'other.bin', sha256: 'ab'.repeat(32), bytes: 5, dim: 32 }),
    }));
    return page.evaluate(async (options) => {
      const { Recommender } = await library();
      return caught((async () => {
        const shop = await Recommender.open({ index: '/x/modeled/manifest.json', store: 'memory', ...options });
        return { search: await caught(shop.search({ text: 'tea' })), list: (await shop.recommend({ k: 5 })).length, problem: shop.report().text.problem };
      })());
    }, options);
  };
  for (const body of [flipped(pack, 100_000), pack.subarray(0, 1000), Buffer.concat([pack, pack])]) {
    const { value } = await outcome(body, {});
    assert.equal(value.search.code, 'corrupt', JSON.stringify(value));
    assert.match(value.search.message, /words.*Fetch or build it again/);
    assert.equal(value.problem.code, 'corrupt');
    assert.equal(value.list, 5);
  }
  const { value: foreign } = await outcome(pack, {});
  assert.equal(foreign.search.code, 'corrupt', 'the right bytes that are no pack');
  const wrong = await outcome(pack, { textModel: '/models/other/' });
  assert.equal(wrong.code, 'mismatch', JSON.stringify(wrong));
  assert.match(wrong.message, /built with the model "words".*this one is "other".*Serve the model/s);
  await page.context().close();
});

test('bad input: events out of range are refused one and all, and the history stays as it was', async () => {
  const page = await site.blank();
  const seen = await page.evaluate(async () => {
    const { Recommender } = await library();
    const shop = await Recommender.open({ index: '/shop/manifest.json', textModel: false });
    await shop.record({ item: 'tea-1', event: 'like' });
    const good = { item: 'tea-2', event: 'like' };
    const bad = [
      { ...good, value: NaN }, { ...good, value: Infinity }, { ...good, value: 1e300 }, { item: 'tea-2', event: 'dwell', value: -1 },
      { ...good, time: NaN }, { ...good, time: -1 }, { ...good, time: new Date('nonsense') }, { ...good, time: Date.now() + 9e8 },
      { item: 'nothing of that name', event: 'like' }, { item: '', event: 'like' }, { item: 'x'.repeat(5000), event: 'like' },
      { item: '\ud800', event: 'like' }, { item: 5, event: 'like' }, { event: 'like' }, { item: 'tea-1' }, { ...good, event: 'likes' },
      { ...good, context: { deep: { er: 1 } } }, { ...good, context: { long: 'x'.repeat(1000) } }, { ...good, context: [1] },
      { ...good, kontext: {} }, null, 5, 'tea-1', [],
    ];
    const errors = [];
    for (const event of bad) {
      errors.push(await caught(shop.record(event instanceof Array ? [null] : event)));
      errors.push(await caught(shop.record([good, event])));
    }
    return { errors, events: (await shop.profile()).events.map(({ item }) => item), report: shop.report() };
  });
  for (const [at, error] of seen.errors.entries()) {
    assert.ok(['bad-input', 'not-found'].includes(error.code), `${at}: ${JSON.stringify(error)}`);
    assert.match(error.message, /(Pass|Leave|Compare)/, error.message);
  }
  assert.deepEqual(seen.events, ['tea-1']);
  assert.equal(seen.report.restarts, 0);
  await page.context().close();
});

test('bad input: options that are misspelt or out of range are refused before anything happens', async () => {
  const page = await site.blank();
  const errors = await page.evaluate(async () => {
    const { Recommender, Encoder } = await library();
    const shop = await Recommender.open({ index: '/shop/manifest.json', textModel: false, store: 'memory' });
    const attempts = [
      () => Recommender.open(), () => Recommender.open({}), () => Recommender.open({ index: 5 }), () => Recommender.open({ index: 'http://[' }),
      () => Recommender.open({ index: '/shop/manifest.json', store: 'cloud' }), () => Recommender.open({ index: '/shop/manifest.json', device: 'tpu' }),
      () => Recommender.open({ index: '/shop/manifest.json', name: '../x' }), () => Recommender.open({ index: '/shop/manifest.json', stroe: 'opfs' }),
      () => Encoder.open({}), () => Encoder.open({ model: 7 }),
      () => shop.recommend({ k: 0 }), () => shop.recommend({ k: 1.5 }), () => shop.recommend({ k: NaN }), () => shop.recommend({ k: 1e9 }),
      () => shop.recommend({ k: '5' }), () => shop.recommend({ diversity: 2 }), () => shop.recommend({ diversity: NaN }), () => shop.recommend({ explore: -1 }),
      () => shop.recommend({ seen: 'never' }), () => shop.recommend({ seed: Infinity }), () => shop.recommend({ popularity: NaN }),
      () => shop.recommend({ filter: { price: {} } }), () => shop.recommend({ filter: { price: { min: [] } } }), () => shop.recommend({ divresity: 1 }),
      () => shop.recommend(5), () => shop.similar(), () => shop.similar('tea-1', { k: -1 }), () => shop.search({}), () => shop.search({ text: 5 }),
      () => shop.forget({}), () => shop.forget({ item: 'a', all: true }), () => shop.forget({ all: false }), () => shop.forget({ before: NaN }),
      () => shop.history.import(5), () => shop.history.import('nonsense'), () => shop.history.import(new Uint8Array([0xff, 0xfe])),
    ];
    const errors = [];
    for (const attempt of attempts) errors.push(await caught((async () => attempt())()));
    return errors;
  });
  for (const [at, error] of errors.entries()) {
    assert.equal(error.code, 'bad-input', `${at}: ${JSON.stringify(error)}`);
    assert.match(error.message, /(Pass|Leave|Compare)/, error.message);
  }
  await page.context().close();
});

test('bad input: a history that somebody damaged loses one record at most, and says so', async () => {
  const page = await site.blank();
  const seen = await page.evaluate(async () => {
    const { Recommender } = await library();
    const open = () => Recommender.open({ index: '/shop/manifest.json', textModel: false, store: 'opfs', name: 'hurt' });
    let shop = await open();
    for (let n = 0; n < 5; n += 1) await shop.record({ item: `tea-${n}`, event: 'like' });
    await shop.close();
    const folder = await (await (await navigator.storage.getDirectory()).getDirectoryHandle('palate')).getDirectoryHandle('r-n-hurt');
    const file = await folder.getFileHandle('history.log');
    const whole = new Uint8Array(await (await file.getFile()).arrayBuffer());
    const put = async (bytes) => { const to = await file.createWritable(); await to.write(bytes); await to.close(); };
    const outcomes = [];
    for (const at of [0, 5, 30, 60, 70, 75, 150, 400, whole.length - 1]) {
      const hurt = whole.slice();
      hurt[at] ^= 1;
      await put(hurt);
      shop = await open();
      outcomes.push({ at, events: (await shop.profile()).events.length, history: shop.report().history });
      await shop.close();
    }
    return outcomes;
  });
  for (const { at, events, history } of seen) {
    assert.equal(events, at < 56 ? 5 : 4, `byte ${at}`);
    if (at >= 56) assert.ok(history.damaged + history.tornBytes > 0, `byte ${at} is counted`);
  }
  await page.context().close();
});
