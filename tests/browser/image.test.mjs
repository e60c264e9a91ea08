//! Pictures in the page: searched with, encoded as natively, decoded from whatever a page has, and refused with a sentence.

import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sizeOf } from '../../www/lib/media.js';
import { startShop } from './shop.mjs';
import { DRAWINGS, pictureShop, png, pngHead } from './pictures.mjs';

const made = pictureShop(after);
const site = await startShop(after, { mounts: [['/pictures/', made.root]] });
const IDS = Object.keys(DRAWINGS);
const cosine = (a, b) => a.reduce((sum, value, at) => sum + value * b[at], 0);

test('image: a picture finds its item, alone and with words, and nothing goes over the network', async () => {
  const page = await site.blank();
  const seen = await page.evaluate(async (ids) => {
    const { Recommender } = await library();
    const shop = await Recommender.open({ index: '/pictures/index/manifest.json', imageModel: true });
    const blobs = await Promise.all(ids.map(async (id) => (await fetch(`/pictures/${id}.png`)).blob()));
    performance.clearResourceTimings();
    const found = [];
    for (const image of blobs) found.push(await shop.search({ image, explain: true }));
    const both = await shop.search({ text: 'rings', image: blobs[1], explain: true });
    const bad = [await caught(shop.search({})), await caught(shop.search({ image: 'x.png' })), await caught(shop.search({ image: null }))];
    const fetched = performance.getEntriesByType('resource').map(({ name }) => name);
    await shop.close();
    const without = await Recommender.open({ index: '/pictures/index/manifest.json' });
    const unasked = await caught(without.search({ image: blobs[0] }));
    const none = await caught(Recommender.open({ index: '/shop/manifest.json', imageModel: true }));
    return { found, both, bad, fetched, unasked, none };
  }, IDS);
  seen.found.forEach((hits, at) => {
    assert.equal(hits[0].key, IDS[at]);
    assert.ok(hits[0].score > 0.99, `${hits[0].score}`);
    assert.deepEqual(hits[0].reasons.map(({ term }) => term), ['image']);
    assert.equal(hits.length, IDS.length);
  });
  assert.deepEqual(new Set(seen.both[0].reasons.map(({ term }) => term)), new Set(['image', 'text']));
  for (const error of seen.bad) assert.ok(error.typed && error.code === 'bad-input', JSON.stringify(error));
  assert.deepEqual(seen.fetched, []);
  assert.match(seen.unasked.message, /imageModel: true/);
  assert.match(seen.none.message, /--image-model/);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('image: the encoder gives what the command gives, from every kind of picture that a page has', async () => {
  const page = await site.blank();
  const seen = await page.evaluate(async (ids) => {
    const { Encoder } = await library();
    const encoder = await Encoder.open({ model: '/pictures/eye/' });
    const blobs = await Promise.all(ids.map(async (id) => (await fetch(`/pictures/${id}.png`)).blob()));
    const vectors = await encoder.encode(blobs.map((image) => ({ image })));
    const bitmap = await createImageBitmap(blobs[0]);
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
    canvas.getContext('2d').drawImage(bitmap, 0, 0);
    const element = new Image();
    element.src = URL.createObjectURL(blobs[0]);
    await element.decode();
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const others = await encoder.encode([bitmap, canvas, element, pixels, new File([blobs[0]], 'x.png')].map((image) => ({ image })));
    const still = bitmap.width;
    const errors = [
      await caught(encoder.encode([{ text: 'words' }])),
      await caught(encoder.encode([{ text: 'words' }, { image: blobs[0] }])),
      await caught(encoder.encode([{ image: new Image() }])),
      await caught(encoder.encode([{ image: 7 }])),
    ];
    const report = encoder.report();
    await encoder.close();
    return { vectors: vectors.map((v) => [...v]), others: others.map((v) => [...v]), still, errors, report };
  }, IDS);
  seen.vectors.forEach((vector, at) => assert.ok(cosine(vector, made.vectors[at]) > 0.9995, `${IDS[at]}: ${cosine(vector, made.vectors[at])}`));
  seen.others.forEach((vector, at) => assert.ok(cosine(vector, seen.vectors[0]) > 0.99999, `kind ${at}: ${cosine(vector, seen.vectors[0])}`));
  assert.equal(seen.still, 48, 'the page keeps its bitmap');
  for (const error of seen.errors) assert.ok(error.typed && error.code === 'bad-input', JSON.stringify(error));
  assert.match(seen.errors[0].message, /takes pictures/);
  assert.deepEqual([seen.report.takes, seen.report.dim, seen.report.restarts], ['image', 48, 0]);
  await page.context().close();
});

test('image: a photograph stands as EXIF says, and one of 40 megapixels is made smaller while it is decoded', async () => {
  site.inWorkers(`{
    const decode = createImageBitmap;
    globalThis.createImageBitmap = async (...args) => {
      const bitmap = await decode(...args);
      new BroadcastChannel('decoded').postMessage([bitmap.width, bitmap.height]);
      return bitmap;
    };
  }`);
  const page = await site.blank();
  const seen = await page.evaluate(async () => {
    const { Encoder } = await library();
    const sizes = [];
    new BroadcastChannel('decoded').onmessage = ({ data }) => sizes.push(data);
    const encoder = await Encoder.open({ model: '/pictures/eye/', store: 'memory' });
    const draw = (width, height, turned) => {
      const canvas = new OffscreenCanvas(width, height);
      const context = canvas.getContext('2d');
      // What a camera held upright stores when its sensor lies: the picture a quarter turn to the left.
      if (turned) context.setTransform(0, -1, 1, 0, 0, height);
      const [w, h] = turned ? [height, width] : [width, height];
      const slope = context.createLinearGradient(0, 0, w, h);
      slope.addColorStop(0, '#204080');
      slope.addColorStop(0.3, '#f0e020');
      slope.addColorStop(1, '#d02020');
      context.fillStyle = slope;
      context.fillRect(0, 0, w, h);
      context.fillStyle = '#103010';
      context.fillRect(0, 0, w / 3, h / 4);
      return canvas.convertToBlob({ type: 'image/jpeg', quality: 0.95 });
    };
    const withOrientation = async (blob, orientation) => {
      const bytes = new Uint8Array(await blob.arrayBuffer());
      const exif = [0xff, 0xe1, 0, 34, 69, 120, 105, 102, 0, 0, 77, 77, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0];
      return new Blob([bytes.subarray(0, 2), new Uint8Array(exif), bytes.subarray(2)], { type: 'image/jpeg' });
    };
    const small = [await draw(300, 200), await withOrientation(await draw(200, 300, true), 6), await draw(200, 300, true)];
    const large = [await draw(7300, 5480), await withOrientation(await draw(5480, 7300, true), 6)];
    const vectors = await encoder.encode([...small, ...large].map((image) => ({ image })));
    await encoder.close();
    return { vectors: vectors.map((v) => [...v]), sizes, bytes: large.map(({ size }) => size) };
  });
  site.inWorkers(null);
  const [upright, turned, lying, large, largeTurned] = seen.vectors;
  assert.ok(cosine(turned, upright) > 0.999, `turned ${cosine(turned, upright)}`);
  assert.ok(cosine(lying, upright) < cosine(turned, upright) - 0.005, `lying ${cosine(lying, upright)}`);
  assert.ok(cosine(large, upright) > 0.99 && cosine(largeTurned, upright) > 0.99, `large ${cosine(large, upright)} and ${cosine(largeTurned, upright)}`);
  assert.deepEqual(seen.sizes.slice(0, 3), [[300, 200], [300, 200], [200, 300]]);
  for (const [width, height] of seen.sizes.slice(3)) {
    assert.ok(width * height <= 4_010_000 && Math.abs(width / height - 7300 / 5480) < 0.01, `decoded to ${width} x ${height}`);
  }
  await page.context().close();
});

test('image: what is no picture is refused with a sentence, what is an odd one is seen', async () => {
  const page = await site.blank();
  const files = {
    one: png(1, 1, () => [9, 9, 9]),
    strip: png(3000, 1, (x) => [x % 256, 0, 0]),
    svg: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>fetch("/stolen")</script></svg>'),
    disguised: Buffer.from('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="fetch(\'/stolen\')"/>'),
    text: Buffer.from('not a picture at all, but a text that somebody dropped'),
    empty: Buffer.alloc(0),
    bomb: pngHead(60_000, 60_000),
    cut: readFileSync(join(made.root, 'rings.png')).subarray(0, 60),
  };
  const given = Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, [...bytes]]));
  const seen = await page.evaluate(async (given) => {
    const { Encoder } = await library();
    const encoder = await Encoder.open({ model: '/pictures/eye/', store: 'memory' });
    const out = {};
    for (const [name, bytes] of Object.entries(given)) {
      const image = new Blob([new Uint8Array(bytes)], { type: name === 'svg' ? 'image/svg+xml' : '' });
      out[name] = await caught(encoder.encode([{ image }]));
    }
    const canvas = new OffscreenCanvas(300, 200);
    canvas.getContext('2d').fillRect(0, 0, 100, 100);
    const jpeg = await canvas.convertToBlob({ type: 'image/jpeg' });
    out.truncated = await caught(encoder.encode([{ image: jpeg.slice(0, jpeg.size >> 1) }]));
    out.headless = await caught(encoder.encode([{ image: jpeg.slice(0, 100) }]));
    const { restarts } = encoder.report();
    const lengths = Object.fromEntries(Object.entries(out).map(([name, { value, ...error }]) => [name, value ? value[0].length : error]));
    return { lengths, restarts };
  }, given);
  const { one, strip, svg, disguised, text, empty, bomb, cut, truncated, headless } = seen.lengths;
  assert.deepEqual([one, strip], [48, 48]);
  for (const error of [svg, disguised, text, empty, bomb, cut, headless]) assert.ok(error.typed && error.code === 'bad-input' && /Pass|pass/.test(error.message), JSON.stringify(error));
  assert.match(svg.message, /scripts/);
  assert.match(disguised.message, /scripts/);
  assert.match(bomb.message, /60000 x 60000/);
  // Half a photograph: a browser may show what is there, or refuse it.
  assert.ok(truncated === 48 || truncated.code === 'bad-input', JSON.stringify(truncated));
  assert.equal(seen.restarts, 0);
  assert.ok(!site.server.requests.some(({ path }) => path === '/stolen'));
  await page.context().close();
});

test('image: the head of a file tells its size', () => {
  const bytes = (...parts) => Uint8Array.from(parts.flatMap((part) => (typeof part === 'string' ? [...part].map((c) => c.charCodeAt(0)) : part)));
  const pad = (list) => { const whole = new Uint8Array(64); whole.set(list); return whole; };
  assert.deepEqual(sizeOf(pngHead(640, 70_000)), { width: 640, height: 70_000, turned: false });
  assert.deepEqual(sizeOf(pad(bytes('GIF89a', [0x40, 1, 0xf0, 0]))), { width: 320, height: 240, turned: false });
  const webp = (kind, rest) => pad(bytes('RIFF', [0, 0, 0, 0], 'WEBP', kind, rest));
  assert.deepEqual(sizeOf(webp('VP8X', [10, 0, 0, 0, 0, 0, 0, 0, 0x3f, 1, 0, 0xef, 0, 0])), { width: 320, height: 240, turned: false });
  assert.deepEqual(sizeOf(webp('VP8L', [9, 0, 0, 0, 0x2f, 0x3f, 0xc1, 0x3b, 0])), { width: 320, height: 240, turned: false });
  assert.deepEqual(sizeOf(webp('VP8 ', [9, 0, 0, 0, 0, 0, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xf0, 0])), { width: 320, height: 240, turned: false });
  const exif = (orientation) => [0xff, 0xe1, 0, 34, 69, 120, 105, 102, 0, 0, 73, 73, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0];
  const frame = [0xff, 0xc2, 0, 17, 8, 0, 240, 1, 64, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  assert.deepEqual(sizeOf(bytes([0xff, 0xd8], exif(8), [0xff, 0xc4, 0, 4, 0, 0], frame)), { width: 320, height: 240, turned: true });
  assert.deepEqual(sizeOf(bytes([0xff, 0xd8], exif(1), frame)), { width: 320, height: 240, turned: false });
  assert.equal(sizeOf(pad(bytes('whatever'))), null);
  assert.equal(sizeOf(new Uint8Array(0)), null);
  assert.equal(sizeOf(bytes([0xff, 0xd8], Array(40).fill(0xff))), null);
});
