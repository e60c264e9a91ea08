//! Films in the page: their frames searched with and encoded, and what is no film refused with a sentence.

import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startShop } from './shop.mjs';
import { DRAWINGS, filmShop, pictureShop, titleOf } from './pictures.mjs';
import { FILES } from './sounds.mjs';

const made = pictureShop(after);
const films = filmShop(after);
const site = await startShop(after, { mounts: [['/pictures/', made.root], ['/films/', films.root]] });
const IDS = Object.keys(DRAWINGS);
const cosine = (a, b) => a.reduce((sum, value, at) => sum + value * b[at], 0);

/** Runs in the page: a film of a picture that moves a little, as the browser records it. */
function record() {
  globalThis.filmed = async (image, frames = 12, then = image) => {
    const [bitmap, next] = [await createImageBitmap(image), await createImageBitmap(then)];
    const canvas = Object.assign(document.createElement('canvas'), { width: bitmap.width * 4, height: bitmap.height * 4 });
    const context = canvas.getContext('2d');
    const recorder = new MediaRecorder(canvas.captureStream(30), { mimeType: 'video/webm', videoBitsPerSecond: 8_000_000 });
    const pieces = [];
    recorder.ondataavailable = ({ data }) => pieces.push(data);
    // What is drawn before the recorder listens is not in the film.
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    await new Promise((done) => { recorder.onstart = done; recorder.start(); });
    for (let at = 0; at < frames; at += 1) {
      context.imageSmoothingEnabled = false;
      context.drawImage(at < frames / 2 ? bitmap : next, 0, 0, canvas.width, canvas.height);
      // A dot that wanders, so that every frame is another one.
      context.fillStyle = 'red';
      context.fillRect(at, 0, 1, 1);
      await new Promise((done) => setTimeout(done, 40));
    }
    const stopped = new Promise((done) => { recorder.onstop = done; });
    recorder.stop();
    await stopped;
    return new Blob(pieces, { type: 'video/webm' });
  };
}

test('film: its frames find what they show', async () => {
  const page = await site.blank();
  await page.evaluate(record);
  const seen = await page.evaluate(async (ids) => {
    const { Encoder, Recommender } = await library();
    const shop = await Recommender.open({ index: '/pictures/index/manifest.json', imageModel: true });
    const encoder = await Encoder.open({ model: '/pictures/eye/' });
    const out = [];
    for (const id of ids.slice(0, 3)) {
      const image = await (await fetch(`/pictures/${id}.png`)).blob();
      const video = await filmed(image);
      const [still] = await encoder.encode([{ image }]);
      const [moving] = await encoder.encode([{ video }]);
      const hits = await shop.search({ video });
      out.push({ still: [...still], moving: [...moving], first: hits[0]?.key, bytes: video.size });
    }
    return out;
  }, IDS);
  seen.forEach(({ still, moving, first, bytes }, at) => {
    assert.ok(bytes > 0 && cosine(still, moving) > 0.97, `${IDS[at]}: ${cosine(still, moving)}`);
    assert.equal(first, IDS[at]);
  });
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('film: an index that reads films finds what comes first and what then', async (t) => {
  const page = await site.blank();
  await page.evaluate(record);
  const seen = await page.evaluate(async ({ pairs, text }) => {
    const { Recommender } = await library();
    const shop = await Recommender.open({ index: '/films/index/manifest.json', imageModel: true, store: 'memory' });
    const frame = async (of, with_) => (await fetch(`/films/${of}-${with_}-3/0.png`)).blob();
    const asked = [];
    for (const [first, then] of pairs) {
      const video = await filmed(await frame(first, then), 24, await frame(then, first));
      const hits = await shop.search({ video, k: 8, explain: true });
      asked.push({ kind: `${first}-${then}`, keys: hits.map(({ key }) => key), terms: hits[0].reasons.map(({ term }) => term) });
    }
    const words = (await shop.search({ text, k: 8 })).map(({ key }) => key);
    await shop.close();
    return { asked, words };
  }, { pairs: films.pairs, text: titleOf('rings', 'checks') });
  // Sixteen films of each kind; the reverse shows the same drawings, so that the mean of the frames cannot tell the two apart.
  const right = seen.asked.map(({ kind, keys }) => keys.filter((key) => key.startsWith(kind)).length);
  t.diagnostic(`of the first eight, of the film's own kind: ${right}`);
  right.forEach((count, at) => assert.ok(count >= 6, `${seen.asked[at].kind}: ${seen.asked[at].keys}`));
  seen.asked.forEach(({ terms }) => assert.deepEqual(terms, ['video']));
  assert.ok(seen.words.every((key) => key.startsWith('rings-checks')), `${seen.words}`);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('film: an encoder that is given what reads films knows their order, as the command line does', async (t) => {
  const page = await site.blank();
  await page.evaluate(record);
  const seen = await page.evaluate(async ([first, then]) => {
    const { Encoder } = await library();
    const { frames } = await import('/lib/film.js');
    const models = { model: '/films/eye/', videoModel: '/films/reader/' };
    const encoder = await Encoder.open({ ...models, store: 'opfs' });
    const plain = await Encoder.open({ model: models.model, store: 'memory' });
    const image = await (await fetch(`/films/${first}-${then}-3/0.png`)).blob();
    const other = await (await fetch(`/films/${then}-${first}-3/0.png`)).blob();
    const films = [await filmed(image, 24, other), await filmed(other, 24, image)];
    const pictures = [];
    for (const film of films) {
      const { width, height, data } = await frames(film);
      const size = width * height * 4;
      for (let at = 0; at < data.length; at += size) {
        const canvas = new OffscreenCanvas(width, height);
        canvas.getContext('2d').putImageData(new ImageData(new Uint8ClampedArray(data.slice(at, at + size)), width, height), 0, 0);
        pictures.push([...new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer())]);
      }
    }
    const list = (vectors) => vectors.map((vector) => [...vector]);
    const read = list(await encoder.encode(films.map((video) => ({ video }))));
    const mean = list(await plain.encode(films.map((video) => ({ video }))));
    const stills = [list(await encoder.encode([{ image }])), list(await plain.encode([{ image }]))];
    const errors = [
      await caught(Encoder.open({ model: '/films/reader/', videoModel: '/films/reader/', store: 'memory' })),
      await caught(Encoder.open({ ...models, videoModel: '/films/eye/', store: 'memory' })),
      await caught(Encoder.open({ ...models, model: '/demo/shelf/', videoModel: 7 })),
    ];
    const report = encoder.report();
    await Promise.all([encoder.close(), plain.close()]);
    return { read, mean, stills, pictures, report, errors };
  }, films.pairs[0]);
  const folders = [0, 1].map((film) => {
    const folder = join(films.root, `recorded-${film}`);
    mkdirSync(folder);
    seen.pictures.slice(film * 8, film * 8 + 8).forEach((bytes, at) => writeFileSync(join(folder, `${at}.png`), Buffer.from(bytes)));
    return folder;
  });
  const native = films.natively('encode', '--model', 'eye', '--video-model', 'reader', ...folders.flatMap((folder) => ['--video', folder])).map(({ embedding }) => embedding);
  seen.read.forEach((vector, at) => assert.ok(cosine(vector, native[at]) > 0.999, `film ${at}: ${cosine(vector, native[at])}`));
  const apart = [seen.mean, seen.read].map(([a, b]) => 1 - cosine(a, b));
  t.diagnostic(`a film and its reverse are ${apart[0].toFixed(5)} apart by the mean of their frames, ${apart[1].toFixed(5)} by what reads them`);
  assert.ok(apart[1] > 5 * apart[0], `${apart}`);
  assert.deepEqual(seen.stills[0], seen.stills[1], 'a picture is what it looks like');
  assert.equal(seen.report.videoModel, 'reader');
  assert.equal(seen.report.takes, 'image');
  for (const error of seen.errors) assert.ok(error.typed && ['bad-input', 'mismatch'].includes(error.code), JSON.stringify(error));

  // At the next visit both models come from the device, whatever has become of the server's.
  site.server.replace(/^\/films\/(eye|reader)\//, () => ({ status: 503, body: '' }));
  const again = await page.evaluate(async () => {
    const { Encoder } = await library();
    const encoder = await Encoder.open({ model: '/films/eye/', videoModel: '/films/reader/', store: 'opfs' });
    const report = encoder.report();
    await encoder.close();
    return report;
  });
  site.server.replace(/^\/films\/(eye|reader)\//, null);
  assert.equal(again.videoModel, 'reader');
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('film: lists go by films where the index joins them, in the page as on the command line', async () => {
  const page = await site.blank();
  await page.evaluate(record);
  const now = Date.now();
  const liked = `mute-${films.pairs[0].join('-')}`;
  const seen = await page.evaluate(async ({ liked, pairs, now }) => {
    const { Recommender } = await library();
    const shop = await Recommender.open({ index: '/films/joined/manifest.json', imageModel: true, store: 'memory' });
    const similar = {};
    for (const pair of pairs) similar[pair.join('-')] = await shop.similar(`mute-${pair.join('-')}`, { k: 12, explain: true });
    await shop.record({ item: liked, event: 'like', time: now });
    const lists = { similar, recommended: await shop.recommend({ k: 40, diversity: 0, explain: true }), profile: await shop.profile() };
    const frame = async (of, with_) => (await fetch(`/films/${of}-${with_}-3/0.png`)).blob();
    const [first, then] = pairs[0];
    lists.searched = await shop.search({ video: await filmed(await frame(first, then), 24, await frame(then, first)), k: 12, explain: true });
    await shop.close();
    return lists;
  }, { liked, pairs: films.pairs, now });
  for (const [kind, hits] of Object.entries(seen.similar)) {
    const right = hits.filter(({ key }) => key.startsWith(kind)).length;
    assert.ok(right >= 9, `${kind}: ${hits.map(({ key }) => key)}`);
  }
  assert.ok(seen.recommended.slice(0, 12).filter(({ key }) => key.startsWith(films.pairs[0].join('-'))).length >= 9, `${seen.recommended.map(({ key }) => key)}`);
  assert.deepEqual(seen.profile.interests[0].items.map(({ key }) => key), [liked]);
  assert.ok(seen.searched.filter(({ key }) => key.includes(films.pairs[0].join('-'))).length >= 9, `${seen.searched.map(({ key }) => key)}`);
  assert.deepEqual(seen.searched[0].reasons.map(({ term }) => term), ['video']);
  for (const hits of [seen.recommended, seen.searched, ...Object.values(seen.similar)]) {
    for (const { key, score, reasons } of hits) {
      const sum = reasons.reduce((sum, { weight }) => sum + weight, 0);
      assert.ok(Math.abs(sum - score) < 1e-4, `${key}: the reasons sum to ${sum}, the score is ${score}`);
    }
  }
  writeFileSync(join(films.root, 'history.jsonl'), JSON.stringify({ item: liked, event: 'like', time: now }));
  const [native] = films.natively('recommend', '--index', 'joined', '--history', 'history.jsonl', '--now', `${now}`, '-k', '40', '--diversity', '0');
  assert.deepEqual(seen.recommended.map(({ key }) => key), native.hits.map(({ key }) => key));
  seen.recommended.forEach(({ key, score }, at) => assert.ok(Math.abs(score - native.hits[at].score) < 1e-4, `${key}: ${score} in the page, ${native.hits[at].score} natively`));
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('film: a frame is drawn once it is shown, not when it is merely found', async () => {
  const page = await site.blank();
  await page.evaluate(record);
  const seen = await page.evaluate(async ([first, then]) => {
    const { frames } = await import('/lib/film.js');
    const picture = async (of, with_) => (await fetch(`/films/${of}-${with_}-3/0.png`)).blob();
    const film = await filmed(await picture(first, then), 24, await picture(then, first));
    let shown, drawn = [];
    const ask = HTMLVideoElement.prototype.requestVideoFrameCallback;
    HTMLVideoElement.prototype.requestVideoFrameCallback = function (done) {
      return ask.call(this, () => { shown = true; done(); });
    };
    const time = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, 'currentTime');
    Object.defineProperty(HTMLMediaElement.prototype, 'currentTime', { get: time.get, set(value) { shown = false; time.set.call(this, value); } });
    const draw = CanvasRenderingContext2D.prototype.drawImage;
    CanvasRenderingContext2D.prototype.drawImage = function (source, ...rest) {
      if (source instanceof HTMLVideoElement) drawn.push(shown);
      return draw.call(this, source, ...rest);
    };
    const once = (await frames(film)).data;
    const waited = drawn.splice(0);
    let same = 0;
    for (let at = 0; at < 10; at += 1) same += (await frames(film)).data.every((value, place) => value === once[place]) ? 1 : 0;
    // A page that nobody sees is told of no frame.
    HTMLVideoElement.prototype.requestVideoFrameCallback = () => 0;
    drawn = [];
    await frames(film);
    return { waited, same, unseen: drawn };
  }, films.pairs[0]);
  assert.deepEqual(seen, { waited: Array(8).fill(true), same: 10, unseen: Array(8).fill(false) });
  await page.context().close();
});

test('film: what shows nothing is refused with a sentence', async () => {
  const page = await site.blank();
  await page.evaluate(record);
  const seen = await page.evaluate(async (sound) => {
    const { Encoder } = await library();
    const encoder = await Encoder.open({ model: '/pictures/eye/', store: 'memory' });
    const image = await (await fetch('/pictures/rings.png')).blob();
    const film = await filmed(image, 6);
    const errors = {};
    const bad = { empty: new Blob([]), text: new Blob(['no film at all, but a text']), sound: new Blob([new Uint8Array(sound)]), frameless: film.slice(0, 150), picture: image };
    for (const [name, video] of Object.entries(bad)) errors[name] = await caught(encoder.encode([{ video }]));
    errors.none = await caught(encoder.encode([{ video: 'film.webm' }]));
    errors.mixed = await caught(encoder.encode([{ video: film }, { image }]));
    return { errors, restarts: encoder.report().restarts };
  }, [...FILES['low.wav']]);
  for (const [name, error] of Object.entries(seen.errors)) {
    assert.ok(error.typed && error.code === 'bad-input' && /Pass|call/.test(error.message), `${name}: ${JSON.stringify(error)}`);
  }
  assert.equal(seen.restarts, 0);
  await page.context().close();
});
