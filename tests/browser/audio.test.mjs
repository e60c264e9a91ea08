//! Sounds in the page: searched with, encoded as natively, decoded only as far as they are heard, and refused with a sentence.

import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { startShop } from './shop.mjs';
import { noAdapter } from './site.mjs';
import { FILES, mp3Frame, soundShop, wav } from './sounds.mjs';

const made = soundShop(after);
const site = await startShop(after, { mounts: [['/sounds/', made.root]] });
const NAMES = Object.keys(FILES);
const cosine = (a, b) => a.reduce((sum, value, at) => sum + value * b[at], 0);
const listed = (bytes) => [...bytes];

test('audio: a sound finds its item, alone and with words, and nothing goes over the network', async () => {
  const page = await site.blank();
  const seen = await page.evaluate(async (names) => {
    const { Recommender } = await library();
    const shop = await Recommender.open({ index: '/sounds/index/manifest.json', audioModel: true });
    const blobs = await Promise.all(names.map(async (name) => (await fetch(`/sounds/${name}`)).blob()));
    performance.clearResourceTimings();
    const found = [];
    for (const audio of blobs) found.push(await shop.search({ audio, explain: true }));
    const both = await shop.search({ text: 'a high sound', audio: blobs[1], explain: true });
    const bad = [await caught(shop.search({})), await caught(shop.search({ audio: 'x.mp3' })), await caught(shop.search({ audio: blobs[0], image: blobs[0] }))];
    const fetched = performance.getEntriesByType('resource').map(({ name }) => name);
    await shop.close();
    const without = await Recommender.open({ index: '/sounds/index/manifest.json' });
    const unasked = await caught(without.search({ audio: blobs[0] }));
    const none = await caught(Recommender.open({ index: '/shop/manifest.json', audioModel: true }));
    return { found, both, bad, fetched, unasked, none };
  }, NAMES);
  seen.found.forEach((hits, at) => {
    assert.equal(hits[0].key, NAMES[at].split('.')[0]);
    assert.ok(hits[0].score > 0.99, `${hits[0].score}`);
    assert.deepEqual(hits[0].reasons.map(({ term }) => term), ['audio']);
    assert.equal(hits.length, NAMES.length);
  });
  assert.equal(seen.both.length, NAMES.length + 1);
  assert.deepEqual(new Set(seen.both[0].reasons.map(({ term }) => term)), new Set(['audio', 'text']));
  for (const error of seen.bad) assert.ok(error.typed && error.code === 'bad-input', JSON.stringify(error));
  assert.deepEqual(seen.fetched, []);
  assert.match(seen.unasked.message, /audioModel: true/);
  assert.match(seen.none.message, /--audio-model/);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('audio: the encoder gives what the command gives, from files and from an AudioBuffer', async () => {
  const page = await site.blank();
  const seen = await page.evaluate(async (names) => {
    const { Encoder } = await library();
    const encoder = await Encoder.open({ model: '/sounds/ear/' });
    const blobs = await Promise.all(names.map(async (name) => (await fetch(`/sounds/${name}`)).blob()));
    const vectors = await encoder.encode(blobs.map((audio) => ({ audio })));
    const buffer = await new OfflineAudioContext(1, 1, 44_100).decodeAudioData(await blobs[1].arrayBuffer());
    const [decoded] = await encoder.encode([{ audio: buffer }]);
    const errors = [
      await caught(encoder.encode([{ text: 'words' }])),
      await caught(encoder.encode([{ text: 'words' }, { audio: blobs[0] }])),
      await caught(encoder.encode([{ audio: 7 }])),
      await caught(encoder.encode([{ image: new ImageData(3, 3) }])),
    ];
    const report = encoder.report();
    await encoder.close();
    return { vectors: vectors.map((v) => [...v]), decoded: [...decoded], errors, report };
  }, NAMES);
  seen.vectors.forEach((vector, at) => assert.ok(cosine(vector, made.vectors[at]) > 0.999, `${NAMES[at]}: ${cosine(vector, made.vectors[at])}`));
  assert.ok(cosine(seen.decoded, seen.vectors[1]) > 0.999, `an AudioBuffer: ${cosine(seen.decoded, seen.vectors[1])}`);
  for (const error of seen.errors) assert.ok(error.typed && error.code === 'bad-input', JSON.stringify(error));
  assert.match(seen.errors[0].message, /takes sounds/);
  assert.deepEqual([seen.report.takes, seen.report.dim, seen.report.restarts], ['audio', 48, 0]);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('audio: the encoder gives the same on the GPU, and a session says where its sounds are encoded', async (t) => {
  const page = await site.blank();
  const skip = await noAdapter(page);
  if (skip) {
    t.skip(skip);
    return;
  }
  const seen = await page.evaluate(async (names) => {
    const { Encoder, Recommender } = await library();
    const blobs = await Promise.all(names.map(async (name) => (await fetch(`/sounds/${name}`)).blob()));
    const encoder = await Encoder.open({ model: '/sounds/ear/', device: 'webgpu', store: 'memory' });
    const vectors = await encoder.encode(blobs.map((audio) => ({ audio })));
    const { device, gpu } = encoder.report();
    await encoder.close();
    const shop = await Recommender.open({ index: '/sounds/index/manifest.json', audioModel: true, device: 'webgpu', store: 'memory' });
    const [first] = await shop.search({ audio: blobs[0] });
    const { audio } = shop.report();
    await shop.close();
    return { vectors: vectors.map((v) => [...v]), device, probe: gpu.probe, first: first.key, audio };
  }, NAMES);
  seen.vectors.forEach((vector, at) => assert.ok(cosine(vector, made.vectors[at]) > 0.999, `${NAMES[at]}: ${cosine(vector, made.vectors[at])}`));
  assert.deepEqual([seen.device, seen.probe, seen.first], ['webgpu', 'right', NAMES[0].split('.')[0]]);
  assert.deepEqual([seen.audio.device, seen.audio.gpu.probe], ['webgpu', 'right']);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('audio: three hours are decoded as far as they are heard', async () => {
  const page = await site.blank();
  const seen = await page.evaluate(async ({ frame, wave }) => {
    const { Encoder } = await library();
    const given = [];
    const decode = BaseAudioContext.prototype.decodeAudioData;
    BaseAudioContext.prototype.decodeAudioData = async function (bytes) {
      const size = bytes.byteLength;
      const buffer = await decode.call(this, bytes);
      given.push({ size, seconds: buffer.duration });
      return buffer;
    };
    const encoder = await Encoder.open({ model: '/sounds/ear/', store: 'memory' });
    const minute = new Blob(Array(2297).fill(new Uint8Array(frame)));
    const hours = new Blob(Array(180).fill(minute), { type: 'audio/mpeg' });
    // A tag with a cover of three megabytes, as music has it.
    const tag = new Uint8Array(10 + (3 << 20));
    tag.set([73, 68, 51, 3, 0, 0, ...[21, 14, 7, 0].map((shift) => ((3 << 20) >> shift) & 127)]);
    const tagged = new Blob([tag, minute]);
    // The WAV of three hours says so in its head.
    const head = new Uint8Array(wave.slice(0, 44));
    const data = new Uint8Array(wave.slice(44));
    const times = Math.round((3 * 3600) / 1.1);
    new DataView(head.buffer).setUint32(40, data.length * times, true);
    const long = new Blob([head, ...Array(times).fill(data)]);
    const start = performance.now();
    const vectors = await encoder.encode([minute.slice(0, 104 * 60), hours, tagged, new Blob([new Uint8Array(wave)]), long].map((audio) => ({ audio })));
    const ms = performance.now() - start;
    await encoder.close();
    return { vectors: vectors.map((v) => [...v]), sizes: [hours.size, long.size], given, ms };
  }, { frame: listed(mp3Frame(20)), wave: listed(FILES['low.wav']) });
  const [short, hours, tagged, wave, long] = seen.vectors;
  assert.ok(seen.sizes[0] > 40e6 && seen.sizes[1] > 300e6, `${seen.sizes}`);
  for (const [name, a, b] of [['MP3', hours, short], ['tagged', tagged, short], ['WAV', long, wave]]) assert.ok(cosine(a, b) > 0.999, `${name}: ${cosine(a, b)}`);
  for (const { size, seconds } of seen.given) assert.ok(size < 200_000 && seconds < 60, `${size} bytes, ${seconds} s were decoded`);
  console.log(`decoded: ${seen.given.map(({ size, seconds }) => `${size} B, ${seconds.toFixed(1)} s`).join('; ')}; all in ${seen.ms.toFixed(0)} ms`);
  await page.context().close();
});

test('audio: what is no sound is refused with a sentence, what is an odd one is heard', async () => {
  const page = await site.blank();
  const low = FILES['low.wav'];
  const box = (kind, ...parts) => {
    const body = Buffer.concat(parts);
    const head = Buffer.alloc(8);
    head.writeUInt32BE(body.length + 8, 0);
    head.write(kind, 4);
    return Buffer.concat([head, body]);
  };
  const mvhd = Buffer.alloc(100);
  mvhd.writeUInt32BE(1000, 12);
  mvhd.writeUInt32BE(3 * 3600 * 1000, 16);
  const files = {
    silent: wav(16_000, 1, 1, () => 0),
    faint: wav(16_000, 1, 1, (t) => 0.01 * Math.sin(3000 * t)),
    none: wav(16_000, 1, 0, () => 0),
    head: low.subarray(0, 44),
    cutHead: low.subarray(0, 20),
    cut: low.subarray(0, low.length - 9_001),
    click: wav(16_000, 1, 0.002, () => 0.5),
    odd: wav(11_025, 1, 0.5, (t) => Math.sin(4000 * t)),
    text: Buffer.from('not a sound at all, but a text that somebody dropped here'),
    empty: Buffer.alloc(0),
    cutMp3: FILES['tone.mp3'].subarray(0, 2_000),
    brokenMp3: Buffer.concat([FILES['tone.mp3'].subarray(0, 1_500), Buffer.alloc(700, 0x55), FILES['tone.mp3'].subarray(2_000)]),
    film: Buffer.concat([box('ftyp', Buffer.from('M4A \0\0\0\0')), box('moov', box('mvhd', mvhd))]),
    png: Buffer.from('\x89PNG\r\n\x1a\n and no more of a picture than that', 'latin1'),
  };
  const seen = await page.evaluate(async (given) => {
    const { Encoder } = await library();
    const encoder = await Encoder.open({ model: '/sounds/ear/', store: 'memory' });
    const out = {};
    for (const [name, bytes] of Object.entries(given)) {
      const { value, ...error } = await caught(encoder.encode([{ audio: new Blob([new Uint8Array(bytes)]) }]));
      out[name] = value ? value[0].length : error;
    }
    const large = new Blob(Array(20).fill(new Uint8Array(1 << 20).fill(7)));
    out.large = await caught(encoder.encode([{ audio: large }]));
    return { out, restarts: encoder.report().restarts };
  }, Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, listed(bytes)])));
  const { out } = seen;
  for (const name of ['faint', 'cut', 'click', 'odd', 'cutMp3', 'brokenMp3']) assert.equal(out[name], 48, `${name}: ${JSON.stringify(out[name])}`);
  for (const name of ['silent', 'none', 'head', 'cutHead', 'text', 'empty', 'film', 'png', 'large']) {
    assert.ok(out[name].typed && out[name].code === 'bad-input' && /Pass|Give/.test(out[name].message), `${name}: ${JSON.stringify(out[name])}`);
  }
  assert.match(out.silent.message, /silent/);
  assert.match(out.none.message, /no samples/);
  assert.match(out.film.message, /180 minutes/);
  assert.match(out.large.message, /not known/);
  assert.equal(seen.restarts, 0);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});
