//! Films in the page: their frames searched with and encoded, and what is no film refused with a sentence.

import { after, test } from 'node:test';
import assert from 'node:assert/strict';
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
