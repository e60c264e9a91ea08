// The examples: what a customer's page does with pictures, sounds and films. Plain modules, no framework.

import { FILMS, MUSIC, PRODUCTS, RATE, filmTexts, frame, music, musicTexts, product, productTexts, wav } from './draw.js';

const K = 12;
const $ = (id) => document.getElementById(id);
const data = new URL('../demo/examples/', import.meta.url);

/** What differs between the three. */
const CASES = {
  shop: { models: { imageModel: new URL('models/eye/', data) }, placeholder: 'something to drink from', accept: 'image/*', kind: 'image', button: 'Draw something to look for', make: drawn, asks: (file) => ({ image: file }) },
  music: { models: { audioModel: new URL('models/ear/', data) }, placeholder: 'a quick high flute', accept: 'audio/*', kind: 'audio', button: 'Play something to look for', make: played, asks: (file) => ({ audio: file }) },
  films: { models: { imageModel: new URL('models/eye/', data) }, placeholder: 'a star at night', accept: 'video/*', kind: 'image', button: 'Film something to look for', make: filmed, asks: (file) => ({ video: file }) },
};

let open = null;
let asked = 0;
/** Aborted, it ends the recording under way, or the wait for leave to record. */
let listening = null;
/** What is recorded at most, in seconds. */
const LISTENED = 4;

/** Opens the example that the address names. */
async function show() {
  const name = Object.hasOwn(CASES, location.hash.slice(1)) ? location.hash.slice(1) : 'shop';
  const its = CASES[name];
  document.querySelectorAll('nav a').forEach((link) => (link.hash === `#${name}` ? link.setAttribute('aria-current', 'page') : link.removeAttribute('aria-current')));
  Object.assign($('words'), { placeholder: its.placeholder, value: '' });
  $('file').accept = its.accept;
  $('example').textContent = its.button;
  $('listen').hidden = its.kind !== 'audio' || !navigator.mediaDevices?.getUserMedia;
  listening?.abort();
  asked += 1; // answers of the example before come too late
  $('question').replaceChildren();
  $('hits').replaceChildren();
  say('Opening: models and index are fetched once');
  const before = open;
  const opening = (async () => {
    await before?.then(({ shop, media }) => { media.forEach((url) => URL.revokeObjectURL(url)); return shop.close(); }, () => {});
    const { Recommender } = await import('../lib/index.js');
    const [shop, media] = await Promise.all([Recommender.open({ index: new URL(`${name}/index/manifest.json`, data), ...its.models }), all(name)]);
    return { its, media, shop, liked: new Set() };
  })();
  open = opening;
  await opening.then(({ shop }) => { if (open === opening) return list(() => shop.recommend({ k: K }), 'To begin with'); }, failed);
}

/** Every picture or sound of a catalog: asked for one by one as lists show them, they would tell the server what a visitor likes. */
async function all(name) {
  const get = async (path) => {
    const answer = await fetch(new URL(`${name}/${path}`, data));
    if (!answer.ok) throw new Error(`${path} is not there (${answer.status}). Build the examples with npm run examples.`);
    return answer;
  };
  const paths = await (await get('media.json')).json();
  return new Map(await Promise.all(paths.map(async (path) => [path, URL.createObjectURL(await (await get(path)).blob())])));
}

/** Shows a list once it is there, unless another one was asked for meanwhile. */
async function list(ask, what) {
  const number = (asked += 1);
  const start = performance.now();
  try {
    const now = await open;
    const hits = await ask();
    if (number !== asked) return;
    $('hits').replaceChildren(...hits.map((hit) => tile(hit, now)));
    say(`${what}: ${hits.length} found in ${Math.round(performance.now() - start)} ms, on this device`);
  } catch (error) {
    if (number === asked) failed(error);
  }
}

function tile({ key, item }, { its, media, liked }) {
  const made = document.createElement('li');
  const source = media.get(item[its.kind]);
  const title = document.createElement('h2');
  title.textContent = item.title;
  const buttons = document.createElement('div');
  if (its.kind === 'image') made.append(Object.assign(new Image(), { src: source, alt: '' }));
  else buttons.append(button('Play', `Play ${item.title}`, () => new Audio(source).play()));
  made.append(title);
  if (item.description) made.append(Object.assign(document.createElement('p'), { textContent: item.description }));
  const like = button('Like', `Like ${item.title}`, async () => {
    await (await open).shop.record({ item: key, event: 'like' });
    liked.add(key);
    like.setAttribute('aria-pressed', 'true');
    say(`Noted on this device: you like ${item.title}`);
  });
  like.setAttribute('aria-pressed', String(liked.has(key)));
  buttons.append(like, button('Alike', `Alike: ${item.title}`, async () => { const { shop } = await open; await list(() => shop.similar(key, { k: K }), `Like ${item.title}`); }));
  made.append(buttons);
  return made;
}

function button(text, label, act) {
  const made = Object.assign(document.createElement('button'), { type: 'button', textContent: text });
  made.setAttribute('aria-label', label);
  made.addEventListener('click', () => Promise.resolve(act()).catch(failed));
  return made;
}

/** Searches by a file, with the words if there are any. */
export async function searchBy(file, shown) {
  const { its, shop } = await open;
  $('question').replaceChildren(shown);
  const text = $('words').value.trim();
  const personal = Number($('personal').value);
  await list(() => shop.search({ ...its.asks(file), ...(text ? { text } : {}), k: K, personal }), text ? `By it and “${text}”` : 'By it');
}

const any = (all) => Math.floor(Math.random() * all.length);
const seed = () => 1000 + Math.floor(Math.random() * 1e6);

/** A canvas with a drawing. */
async function painted(svg, canvas = Object.assign(document.createElement('canvas'), { width: 192, height: 192 })) {
  const image = new Image();
  image.src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
  await image.decode();
  canvas.getContext('2d').drawImage(image, 0, 0, 192, 192);
  return canvas;
}

/** A product drawn anew, as a PNG. */
export async function drawn(at = any(PRODUCTS), number = seed()) {
  const canvas = await painted(product(PRODUCTS[at], number));
  const file = await new Promise((done) => canvas.toBlob(done, 'image/png'));
  return { file, shown: Object.assign(new Image(), { src: canvas.toDataURL(), alt: productTexts(PRODUCTS[at]).title }) };
}

/** A tune played anew, as a WAV file. */
export async function played(at = any(MUSIC), number = seed()) {
  const file = new Blob([wav(music(MUSIC[at], number))], { type: 'audio/wav' });
  const shown = Object.assign(new Audio(URL.createObjectURL(file)), { controls: true, title: `${musicTexts(MUSIC[at]).title}, ${RATE} Hz` });
  return { file, shown };
}

/** A film made anew, recorded from a canvas. */
export async function filmed(at = any(FILMS), number = seed()) {
  const spec = FILMS[at];
  const canvas = await painted(frame(spec, 0, number));
  const recorder = new MediaRecorder(canvas.captureStream(15), { mimeType: 'video/webm' });
  const parts = [];
  recorder.ondataavailable = ({ data: part }) => parts.push(part);
  const stopped = new Promise((done) => { recorder.onstop = done; });
  recorder.start();
  for (let step = 0; step <= 20; step += 1) {
    await painted(frame(spec, step / 20, number), canvas);
    await new Promise((done) => { setTimeout(done, 70); });
  }
  recorder.stop();
  await stopped;
  const file = new Blob(parts, { type: 'video/webm' });
  return { file, shown: Object.assign(document.createElement('video'), { src: URL.createObjectURL(file), muted: true, autoplay: true, loop: true, title: filmTexts(spec).title }) };
}

/** What the microphone hears until `end` is aborted, as a file. Nothing of it leaves the page. */
async function heard(end) {
  // Browsers make microphones fit for speech; music is to stay as it is.
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } }).catch((error) => {
    throw new Error(error.name === 'NotAllowedError' ? 'The microphone is not allowed here. Allow it in the browser and press Listen again, or choose a file.' : 'No microphone can be heard. Connect one and press Listen again, or choose a file.');
  });
  const recorder = new MediaRecorder(stream);
  const parts = [];
  recorder.ondataavailable = ({ data: part }) => parts.push(part);
  if (!end.aborted) {
    recorder.start();
    const stop = () => recorder.state === 'recording' && recorder.stop();
    const timer = setTimeout(stop, LISTENED * 1000);
    end.onabort = stop;
    await new Promise((done) => { recorder.onstop = done; });
    clearTimeout(timer);
  }
  stream.getTracks().forEach((track) => track.stop());
  const file = new Blob(parts, { type: recorder.mimeType });
  return { file, shown: Object.assign(new Audio(URL.createObjectURL(file)), { controls: true, title: 'What was heard' }) };
}

const say = (text) => { $('status').textContent = text; };
function failed(error) {
  say(error.message);
}

$('ask').addEventListener('submit', async (event) => {
  event.preventDefault();
  const text = $('words').value.trim();
  $('question').replaceChildren();
  const { shop } = await open;
  const personal = Number($('personal').value);
  await list(() => (text ? shop.search({ text, k: K, personal }) : shop.recommend({ k: K })), text ? `“${text}”` : 'For you');
});
$('example').addEventListener('click', async () => {
  const now = open;
  const { its } = await now;
  say('Making it');
  await its.make().then(({ file, shown }) => open === now && searchBy(file, shown)).catch(failed);
});
$('listen').addEventListener('click', async () => {
  if (listening) return listening.abort();
  const now = open;
  listening = new AbortController();
  $('listen').setAttribute('aria-pressed', 'true');
  say(`Listening, for ${LISTENED} seconds or until you press again`);
  try {
    const { file, shown } = await heard(listening.signal).finally(() => {
      listening = null;
      $('listen').setAttribute('aria-pressed', 'false');
    });
    if (open === now && file.size > 0) await searchBy(file, shown);
    else if (open === now) say('Nothing was recorded');
  } catch (error) {
    failed(error);
  }
  return undefined;
});
$('file').addEventListener('change', async () => {
  const [file] = $('file').files;
  if (file) await searchBy(file, Object.assign(document.createElement('p'), { textContent: file.name })).catch(failed);
});
addEventListener('hashchange', show);
await show();
