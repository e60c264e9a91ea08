//! Keeps the page for offline use, counts what reaches the network, and can refuse the network altogether.
//!
//! Kept here: the page's own files, with their hashes (demo/precache.js, see www/build/precache.mjs). Not kept here:
//! the drawings (the page keeps that one file itself) and the model and the index (the library stores them, verified).

importScripts('demo/precache.js');

const { version, files } = self.PRECACHE;
const CACHE = `palate-shelf-${version}`;
const PREFIX = /^palate-shelf-[0-9a-f]{12}$/;
const STATE = 'palate-shelf-state'; // one entry: is the plug pulled
const LIST = 'precache-list'; // the hashes of what a cache holds
const base = new URL('./', self.location);
// The library has two wasm modules and loads one of them by this very test (lib/worker.js); the other would be dead weight.
const relaxed = WebAssembly.validate(new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11,
]));
const unused = relaxed ? 'pkg/palate_bg.wasm' : 'pkg/palate_relaxed_bg.wasm';
const listed = new Map(files.filter(([name]) => name !== unused).map(([name, hash]) => [new URL(name, base).pathname, hash]));
const DRAWINGS = /\/demo\/shelf-[0-9a-f]{16}\.pack$/;

self.addEventListener('install', (event) => event.waitUntil(install()));
self.addEventListener('activate', (event) => event.waitUntil(activate()));
self.addEventListener('message', (event) => event.waitUntil(hear(event)));
self.addEventListener('fetch', (event) => event.respondWith(answer(event.request)));

async function hex16(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return [...digest.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Unchanged files are copied from the version before; the rest is fetched and must match its hash, or the old version stays. */
async function install() {
  const cache = await caches.open(CACHE);
  const older = [];
  for (const name of await caches.keys()) {
    if (name === CACHE || !PREFIX.test(name)) continue;
    const previous = await caches.open(name);
    const list = await previous.match(LIST);
    if (list) older.push([previous, new Map(await list.json())]);
  }
  await Promise.all([...listed].filter(([url]) => !DRAWINGS.test(url)).map(async ([url, hash]) => {
    for (const [previous, hashes] of older) {
      const same = hashes.get(url) === hash && (await previous.match(url));
      if (same) return cache.put(url, same);
    }
    const response = await fetch(url, { cache: 'no-cache' });
    if (!response.ok) throw new Error(`${url} answered ${response.status}`);
    const bytes = await response.arrayBuffer();
    if ((await hex16(bytes)) !== hash) throw new Error(`${url} is not the file of this version`);
    return cache.put(url, new Response(bytes, { headers: plainHeaders(response) }));
  }));
  await cache.put(LIST, new Response(JSON.stringify([...listed])));
}

/** The type and the policy stay with the file; its encoding is undone by then. */
function plainHeaders(response) {
  const headers = new Headers();
  for (const name of ['Content-Type', 'Content-Security-Policy', 'X-Content-Type-Options', 'Referrer-Policy', 'Cross-Origin-Opener-Policy', 'Cross-Origin-Embedder-Policy']) {
    if (response.headers.has(name)) headers.set(name, response.headers.get(name));
  }
  return headers;
}

async function activate() {
  for (const name of await caches.keys()) if (PREFIX.test(name) && name !== CACHE) await caches.delete(name);
  await self.clients.claim();
}

let cut = null;
async function isCut() {
  cut ??= Boolean(await (await caches.open(STATE)).match('cut'));
  return cut;
}

async function hear({ data, source }) {
  if (data.type === 'take over') return self.skipWaiting();
  if (data.type === 'cut') {
    cut = data.on;
    const state = await caches.open(STATE);
    await (cut ? state.put('cut', new Response('1')) : state.delete('cut'));
    return tell({ type: 'cut', on: cut });
  }
  if (data.type === 'cut?') source.postMessage({ type: 'cut', on: await isCut() });
  return undefined;
}

async function tell(message) {
  for (const client of await self.clients.matchAll({ type: 'window', includeUncontrolled: true })) client.postMessage(message);
}

async function answer(request) {
  const url = new URL(request.url);
  if (request.method === 'GET' && url.origin === base.origin && !request.headers.has('Range')) {
    const home = request.mode === 'navigate' && (url.pathname === base.pathname || url.pathname === `${base.pathname}index.html`);
    const path = home ? new URL('index.html', base).pathname : url.pathname;
    if (listed.has(path)) {
      const kept = DRAWINGS.test(path) ? await caches.match(path) : await (await caches.open(CACHE)).match(path);
      if (kept) return kept;
    }
  }
  const at = Date.now();
  if (await isCut()) {
    tell({ type: 'network', url: request.url, bytes: 0, at, blocked: true });
    return Response.error();
  }
  const response = await fetch(request);
  if (!response.body || request.mode === 'navigate') {
    tell({ type: 'network', url: request.url, bytes: 0, at });
    return response;
  }
  return counted(response, request.url, at);
}

/** The same response; when its body has passed, the page hears how long it was. */
function counted(response, url, at) {
  let bytes = 0;
  const pass = new TransformStream({
    transform(piece, controller) {
      bytes += piece.length;
      controller.enqueue(piece);
    },
    flush() {
      return tell({ type: 'network', url, bytes, at });
    },
  });
  return new Response(response.body.pipeThrough(pass), { status: response.status, statusText: response.statusText, headers: response.headers });
}
