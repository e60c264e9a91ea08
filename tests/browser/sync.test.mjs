//! A changed index: only what changed is fetched, the old one serves until the new one is whole, signatures hold.

import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { makeIndex } from './catalog.mjs';
import { startShop } from './shop.mjs';

const site = await startShop(after);
const fetched = () => site.server.requests.map(({ path }) => path).filter((path) => path.startsWith('/x/'));

test('sync: only the shards that changed are fetched, and the history stays', async () => {
  const shards = () => site.publish.last.manifest.shards.map(({ file }) => file);
  const publish = (options) => { site.publish.last = site.publish({ perTopic: 200, buckets: 8, ...options }, 'sync'); };
  publish({});
  const page = await site.blank();
  await page.evaluate(async () => {
    const { Recommender } = await library();
    globalThis.shop = await Recommender.open({ index: '/x/sync/manifest.json', textModel: false });
    await shop.record({ item: 'tea-5', event: 'like' });
  });
  const old = shards();
  assert.equal(fetched().length, 1 + old.length);

  publish({ edition: 1 });
  const changed = shards().filter((file) => !old.includes(file));
  assert.ok(changed.length > 0 && changed.length < old.length, `${changed.length} of ${old.length}`);
  site.server.reset();
  const first = await page.evaluate(async () => [await shop.sync(), (await shop.recommend({ k: 3 })).map(({ key }) => key), (await shop.similar('boots-1', { filter: { title: 'boots 0, edition 1' } })).length]);
  assert.deepEqual(fetched().sort(), ['/x/sync/manifest.json', ...changed.map((file) => `/x/sync/${file}`)].sort());
  assert.equal(first[0], true);
  assert.ok(first[1].every((key) => key.startsWith('tea')));
  assert.equal(first[2], 1, 'the new title is there');

  site.server.reset();
  assert.equal(await page.evaluate(() => shop.sync()), false);
  assert.deepEqual(fetched(), ['/x/sync/manifest.json']);

  // A reload of an unchanged index asks for the manifest, nothing else.
  await page.reload();
  site.server.reset();
  const report = await page.evaluate(async () => {
    const { Recommender } = await library();
    return (await Recommender.open({ index: '/x/sync/manifest.json', textModel: false })).report();
  });
  assert.deepEqual(fetched(), ['/x/sync/manifest.json']);
  assert.equal(report.index.origin, 'unchanged');
  await page.context().close();
});

test('sync: a new index that does not come whole leaves the old one working', async () => {
  site.publish({ perTopic: 30 }, 'half');
  const page = await site.blank();
  await page.evaluate(async () => {
    const { Recommender } = await library();
    globalThis.shop = await Recommender.open({ index: '/x/half/manifest.json', textModel: false });
  });
  site.publish({ perTopic: 40 }, 'half');
  site.server.replace(/^\/x\/half\/items-/, () => ({ status: 503, body: 'busy' }));
  const seen = await page.evaluate(async () => [await caught(shop.sync()), shop.report().index, (await shop.recommend({ k: 4 })).length]);
  assert.equal(seen[0].code, 'network', JSON.stringify(seen));
  assert.equal(seen[1].items, 120);
  assert.equal(seen[1].problem.code, 'network');
  assert.equal(seen[2], 4);
  site.server.reset();
  const later = await page.evaluate(async () => [await shop.sync(), shop.report().index]);
  assert.deepEqual([later[0], later[1].items, later[1].problem], [true, 160, null]);
  await page.context().close();
});

test('sync: a signed manifest opens under its key and under no other', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const key = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex');
  const other = generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex');
  site.publish({}, 'signed');
  const body = JSON.stringify(makeIndex().manifest).slice(0, -1);
  const signature = sign(null, Buffer.from(body), privateKey).toString('hex');
  const whole = `${body},\n  "signature": "${signature}"\n}\n`;
  const outcome = async (text, publicKey) => {
    site.server.replace(/^\/x\/signed\/manifest\.json$/, () => ({ body: Buffer.from(text) }));
    const page = await site.blank();
    const result = await page.evaluate(async (publicKey) => {
      const { Recommender } = await library();
      return caught(Recommender.open({ index: '/x/signed/manifest.json', textModel: false, publicKey }).then((shop) => shop.report().index.items));
    }, publicKey);
    await page.context().close();
    return result;
  };
  assert.deepEqual(await outcome(whole, key), { value: 100 });
  assert.deepEqual(await outcome(whole, undefined), { value: 100 });
  const refusals = [[whole, other], [whole.replace('"items":100', '"items": 100'), key], [`${body}}`, key]];
  for (const [text, publicKey] of refusals) {
    const refused = await outcome(text, publicKey);
    assert.ok(['corrupt', 'mismatch'].includes(refused.code), JSON.stringify(refused));
  }
  assert.equal((await outcome(whole, 'xyz')).code, 'bad-input');
});
