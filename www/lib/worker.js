//! The worker of the package: loads the wasm module that suits this browser and serves the calls of one session.
//!
//! The messages are listed in `protocol.js`. This file converts nothing: what a call means is the module's business.

import init, * as palate from '../pkg/palate.js';
import { Early } from './early.js';
import { pixels } from './media.js';
import { askForSubgroups } from './subgroups.js';

/** A module with one relaxed-simd instruction: valid exactly where the faster of the two modules is. */
const RELAXED = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11,
]);
/** Texts that are encoded before the worker looks for messages again: on the processor, and on a GPU, which is not in the way. */
const TEXTS_AT_ONCE = { wasm: 16, webgpu: 256 };

const relaxed = WebAssembly.validate(RELAXED);
const module = relaxed
  ? new URL('../pkg/palate_relaxed_bg.wasm', import.meta.url)
  : new URL('../pkg/palate_bg.wasm', import.meta.url);

askForSubgroups();

let ready = null;
let session = null;
/** Open calls' abort handles by id. */
const stops = new Map();

// Held until the worker ends: the page waits for it and so learns of the end.
if (navigator.locks) {
  const name = `palate-worker:${Math.random().toString(36).slice(2)}${performance.now()}`;
  navigator.locks.request(name, () => {
    postMessage({ alive: name });
    return new Promise(() => {});
  });
}

/** The wasm module, loaded once. */
function loaded() {
  ready ??= init({ module_or_path: module }).catch((error) => {
    ready = null;
    throw coded('device', `The WebAssembly module could not be started (${error.name}). Serve the package's pkg folder whole, allow 'wasm-unsafe-eval' in script-src, and use a browser with WebAssembly SIMD.`);
  });
  return ready;
}

function coded(code, message) {
  return Object.assign(new Error(message), { code });
}

const listening = (id) => (phase, loaded, total) => postMessage({ id, progress: { phase, loaded, total } });

const calls = {
  async openRecommender(id, options, stop) {
    if (options.device === 'webgpu') named = nameAdapter();
    session = await palate.RecommenderSession.open(options, listening(id), stop());
  },
  async openEncoder(id, options, stop, _, early) {
    if (options.device === 'webgpu') named = nameAdapter();
    session = await palate.EncoderSession.open(options, listening(id), stop(), early);
  },
  prepareText: (id, _, stop) => session.prepareText(listening(id), stop()),
  prepareImage: (id, _, stop) => session.prepareImage(listening(id), stop()),
  prepareAudio: (id, _, stop) => session.prepareAudio(listening(id), stop()),
  hearing: () => session.hearing(),
  warmUp: () => session.warmUp(),
  sync: (id, _, stop) => session.sync(listening(id), stop()),
  record: (_, { events }) => session.record(events),
  recommend: (_, options) => session.recommend(options),
  similar: (_, { key, ...options }) => session.similar(key, options),
  search: (_, options) => session.search(options),
  async searchSeen(_, { image, ...options }) {
    const { width, height, data } = await pixels(image);
    return session.searchSeen(options, width, height, data);
  },
  searchHeard: (_, { rate, samples, ...options }) => session.searchHeard(options, rate, samples),
  profile: () => session.profile(),
  forget: (_, what) => session.forget(what),
  exportHistory: () => session.exportHistory(),
  importHistory: (_, { text }) => session.importHistory(text),
  async see(id, { images }, stop, isStopped) {
    stop();
    const vectors = [];
    for (const image of images) {
      const { width, height, data } = await pixels(image);
      vectors.push(await session.see(width, height, data));
      await turn();
      if (isStopped()) throw coded('aborted', 'The call was aborted. Call again if that was not meant.');
    }
    return vectors;
  },
  hear: (_, { rate, samples }) => session.hear(rate, samples),
  async encode(id, { texts }, stop, isStopped) {
    stop();
    const vectors = [];
    for (let at = 0; at < texts.length;) {
      const end = at + (session.device() === 'wasm' ? TEXTS_AT_ONCE.wasm : TEXTS_AT_ONCE.webgpu);
      vectors.push(...await session.encode(texts.slice(at, end)));
      at = end;
      if (at < texts.length) await turn();
      if (isStopped()) throw coded('aborted', 'The call was aborted. Call again if that was not meant.');
    }
    return vectors;
  },
};

/** Calls that encode: after them (and after lists of a large index), when nothing is under way, devices that have not yet may race. */
const ENCODING = new Set(['encode', 'search', 'warmUp', 'see', 'searchSeen', 'hear', 'searchHeard']);
/** Quiet time before they do, in milliseconds. */
const IDLE = 400;
let idle;

function raceWhenIdle(method) {
  clearTimeout(idle);
  if (!ENCODING.has(method) && idle === undefined && !(method === 'recommend' && session.scansAreOpen())) return;
  idle = setTimeout(async () => {
    if (stops.size > 0) return;
    idle = undefined;
    await (named ??= nameAdapter());
    await session.settle(adapter);
    postMessage({ news: reportAfter() });
  }, IDLE);
}

/** Time between the first reply and the first piece that is stored of a model in use, in milliseconds. */
const PAUSE = 50;
let storing = false;

/** Stores what was opened before it was stored, a piece at a time: calls come in between. */
async function store() {
  if (storing || !session.isUnsaved()) return;
  storing = true;
  await new Promise((done) => { setTimeout(done, PAUSE); });
  while (session.isUnsaved()) {
    await session.storePiece();
    await turn();
  }
  storing = false;
  postMessage({ news: reportAfter() });
}

/** Lists and the like leave a session as it is: their replies carry no report. */
const QUIET = new Set(['recommend', 'similar', 'profile', 'exportHistory', 'hearing']);
/** Calls that may run before the session is open. */
const OPENING = new Set(['openRecommender', 'openEncoder']);

/** What the page's `report()` gives from now on, where the call may have changed it. */
function reportAfter(method) {
  if (!session || QUIET.has(method)) return undefined;
  const report = session.report();
  for (const gpu of [report.gpu, report.image?.gpu, report.audio?.gpu, report.index?.scan]) if (gpu?.adapter && adapter) gpu.adapter = adapter;
  return { ...report, module: relaxed ? 'relaxed-simd' : 'simd128' };
}

/** What the browser says of its GPU ('google swiftshader'); wgpu passes on the description alone, which is mostly empty. */
let adapter = '';
let named;

async function nameAdapter() {
  const info = await navigator.gpu?.requestAdapter({ powerPreference: 'high-performance' }).then((found) => found?.info, () => null);
  adapter = info ? [info.vendor, info.architecture, info.device, info.description].filter(Boolean).join(' ') : '';
}

/** Lets the messages that have come be read. */
function turn() {
  return new Promise((done) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => { port1.close(); done(); };
    port2.postMessage(null);
  });
}

let opened = Promise.resolve();

addEventListener('message', async ({ data: { id, method, args } }) => {
  if (method === 'abort') {
    const stop = stops.get(id);
    if (stop) {
      stop.stopped = true;
      stop.handle?.abort();
    }
    return;
  }
  const stop = { stopped: false, handle: null };
  stops.set(id, stop);
  const handle = () => {
    stop.handle = new palate.AbortHandle();
    if (stop.stopped) stop.handle.abort();
    return stop.handle;
  };
  const early = method === 'openEncoder' ? new Early(args) : undefined;
  try {
    await loaded();
    const serve = () => calls[method](id, args, handle, () => stop.stopped, early);
    // Calls that follow a restart at once wait for the opening before them.
    const value = OPENING.has(method) ? await (opened = serve()) : await opened.catch(() => {}).then(serve);
    postMessage({ id, value, report: reportAfter(method) });
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) {
      // The module's memory is not to be trusted any more.
      postMessage({ fatal: error.message });
      close();
      return;
    }
    const code = typeof error?.code === 'string' ? error.code : session ? 'internal' : 'closed';
    const message = typeof error?.code === 'string' ? error.message : 'The worker could not serve the call. Open a new session; if it happens again, please report it.';
    postMessage({ id, error: { code, message }, report: reportAfter(method) });
  } finally {
    early?.end();
    stops.delete(id);
    // Nothing refers to the handle any more: the calls it stopped are over.
    stop.handle?.free();
    if (session) {
      raceWhenIdle(method);
      store();
    }
  }
});
