//! A model that is opened for the first time: its manifest and its pack are on their way while the module is still compiled.

import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { at } from '../../www/build/root.mjs';
import { startShop } from './shop.mjs';

const site = await startShop(after);
const folder = at('models', 'minilm', 'pack');
const pack = readdirSync(folder).find((name) => name.endsWith('.safetensors'));
const PACK = new RegExp(`^/models/minilm/${pack}$`);
const asked = (pattern) => site.server.requests.filter(({ path }) => pattern.test(path));

/** Opens the encoder and encodes a text, and gives its first number; `stop`: aborts when so many bytes have come. */
const encode = (page, options = {}) => page.evaluate(async ({ stop, ...options }) => {
  const { Encoder } = await library();
  const abort = new AbortController();
  return caught((async () => {
    const onProgress = ({ loaded }) => { if (loaded > stop) abort.abort(); };
    const encoder = await Encoder.open({ model: '/models/minilm/', device: 'wasm', onProgress, signal: abort.signal, ...options });
    const [vector] = await encoder.encode(['a red fox']);
    await encoder.close();
    return vector[0];
  })());
}, options);

let right;

for (const store of ['opfs', 'memory']) {
  test(`early: a first visit downloads the model while the module is on its way, in ${store}`, async () => {
    const page = await site.blank();
    const module = /^\/pkg\/palate(_relaxed)?_bg\.wasm$/;
    let waited = 0;
    site.server.replace(module, async (path) => {
      for (; asked(PACK).length === 0 && waited < 200; waited += 1) await new Promise((resolve) => { setTimeout(resolve, 50); });
      return { body: readFileSync(at('www', path)), headers: { 'content-type': 'application/wasm' } };
    });
    const { value } = await encode(page, { store });
    site.server.replace(module, null);
    right ??= value;
    assert.equal(value, right);
    assert.ok(Number.isFinite(value) && value !== 0);
    assert.ok(waited < 200, 'the pack was asked for before the module was there');
    assert.equal(asked(PACK).length, 1, 'once');
    assert.equal(asked(/^\/models\/minilm\/manifest\.json$/).length, 1);
    site.server.reset();
    assert.equal((await encode(page, { store })).value, right);
    assert.equal(asked(PACK).length, store === 'opfs' ? 0 : 1, 'what is on the device is not downloaded again');
    assert.equal(asked(/^\/models\/minilm\/manifest\.json$/).length, 1);
    await page.context().close();
    site.server.reset();
  });
}

test('early: what breaks on its way is resumed', async () => {
  const page = await site.blank();
  site.server.cut(PACK, 5_000_000);
  assert.equal((await encode(page)).value, right);
  const [first, second, ...more] = asked(PACK);
  assert.equal(more.length, 0);
  assert.equal(first.range, null);
  assert.match(second.range, /^bytes=\d+-$/);
  await page.context().close();
  site.server.reset();
});

test('early: what is damaged or missing is an error, and the next try works', async () => {
  const page = await site.blank();
  const bytes = readFileSync(at('models', 'minilm', 'pack', pack));
  bytes[bytes.length >> 1] ^= 1;
  site.server.replace(PACK, () => ({ body: bytes }));
  assert.equal((await encode(page)).code, 'corrupt');
  assert.equal(asked(PACK).length, 2, 'the server is asked itself before it is given up');
  site.server.replace(PACK, () => ({ status: 404, body: Buffer.from('no') }));
  assert.equal((await encode(page)).code, 'not-found');
  site.server.reset();
  assert.equal((await encode(page)).value, right);
  await page.context().close();
  site.server.reset();
});

test('early: an opening that is aborted ends the download, and the next one works', async () => {
  const page = await site.blank();
  site.server.throttle(8_000_000);
  assert.equal((await encode(page, { stop: 2_000_000, store: 'memory' })).code, 'aborted');
  const [{ bytes }] = asked(PACK);
  assert.ok(bytes < 20_000_000, `${bytes} bytes were sent`);
  site.server.reset();
  assert.equal((await encode(page)).value, right);
  await page.context().close();
});
