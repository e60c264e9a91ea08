//! The page's end of the line to the worker: calls and replies, progress, abort, and a worker that dies.
//!
//! Messages to the worker:   { id, method, args } | { id, method: 'abort' }
//! Messages from the worker: { alive: lock name } | { id, value, report? } | { id, error: { code, message } }
//!                         | { id, progress: { phase, loaded, total } } | { fatal: message }
//!                         | { news: report }, where something changed that no call waits for
//!
//! A worker may die at any moment (out of memory, killed by the browser). Nothing tells a page that it did, so the worker
//! holds a lock for as long as it lives and the page waits in line for it. Every call is made so that doing it twice is
//! doing it once (events carry the name of their call), so calls that were under way are simply made again.

import { PalateError, aborted, badInput, closed } from './errors.js';
import { listener } from './progress.js';

/** Deaths in a row, without a single reply between, after which calls are given up. */
const DEATHS = 3;
/**
 * How long, in milliseconds, a worker that replaces another may take to say that it lives; doubled with each death. One
 * that ends before that is seen by nobody. The very first one is not hurried: its script comes over the network.
 */
const BIRTH = 3000;

export class Connection {
  #start;
  #worker = null;
  #waiting = new Map();
  #next = 1;
  #deaths = 0;
  #closed = false;
  #watch = null;
  #birth = null;
  /** The worker's last report, `null` before the first. */
  report = null;
  /** How often a worker was started again. */
  restarts = 0;

  /** `start` is the first call of every worker: { method, args }. */
  constructor(start) {
    this.#start = start;
  }

  /** Starts the worker and makes its first call. Resolves to what that call gives. */
  open({ onProgress, signal } = {}) {
    this.#launch();
    const { method, args } = this.#start;
    return this.#send(method, args, { onProgress, signal });
  }

  /** Makes a call. After a death a new worker is started first. */
  async call(method, args, { onProgress, signal } = {}) {
    if (this.#closed) throw closed();
    if (signal?.aborted) throw aborted();
    if (!this.#worker) this.#relaunch();
    return this.#send(method, args, { onProgress, signal });
  }

  /** Ends the worker; calls under way are rejected. Closing twice is fine. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#drop();
    this.#rejectAll(closed());
  }

  #send(method, args, { onProgress, signal } = {}) {
    if (signal?.aborted) return Promise.reject(aborted());
    const id = this.#next++;
    const { promise, resolve, reject } = Promise.withResolvers?.() ?? resolvers();
    const stop = () => this.#worker?.postMessage({ id, method: 'abort' });
    const done = () => {
      signal?.removeEventListener('abort', stop);
      this.#waiting.delete(id);
    };
    this.#waiting.set(id, {
      message: { id, method, args },
      deaths: 0,
      progress: listener(onProgress),
      resolve: (value) => { done(); resolve(value); },
      reject: (error) => { done(); reject(error); },
    });
    signal?.addEventListener('abort', stop);
    this.#post({ id, method, args });
    return promise;
  }

  /** Hands a call to the worker; one with what no message carries (a function, an element, a closed bitmap) is refused. */
  #post(message) {
    try {
      this.#worker.postMessage(message);
    } catch {
      this.#waiting.get(message.id)?.reject(badInput('The worker cannot be handed what was passed: it holds a function, an element or a picture that was closed. Pass plain values, and pictures that are open.'));
    }
  }

  #launch() {
    // Bundlers look for this very expression.
    const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'palate' });
    this.#worker = worker;
    worker.onmessage = ({ data }) => { if (worker === this.#worker) this.#receive(data); };
    worker.onerror = (event) => {
      event.preventDefault?.();
      if (worker === this.#worker) this.#died(event.message);
    };
    worker.onmessageerror = () => { if (worker === this.#worker) this.#died('a message could not be read'); };
  }

  /** A new worker after a death: its first call again (from what is on the device), then the calls that were under way. */
  #relaunch() {
    const unfinished = [...this.#waiting.values()];
    this.#launch();
    if (navigator.locks) this.#birth = setTimeout(() => this.#died('it did not start'), BIRTH * 2 ** Math.max(0, this.#deaths - 1));
    this.restarts += 1;
    const opening = unfinished.filter(({ message }) => message.method === this.#start.method);
    if (opening.length === 0) {
      const { method, args } = this.#start;
      this.#send(method, { ...args, restart: true }).catch((error) => this.#rejectAll(error));
    }
    const others = unfinished.filter((call) => !opening.includes(call));
    for (const { message } of [...opening, ...others]) this.#post(message);
  }

  #receive(data) {
    if (data.alive !== undefined) return this.#guard(data.alive);
    if (data.fatal !== undefined) return this.#died(data.fatal);
    if (data.news !== undefined) {
      this.report = data.news;
      return undefined;
    }
    const call = this.#waiting.get(data.id);
    if (!call) return undefined;
    if (data.progress) return call.progress(data.progress);
    this.#deaths = 0;
    if (data.report) this.report = data.report;
    if (data.error) return call.reject(new PalateError(data.error.code, data.error.message));
    return call.resolve(data.value);
  }

  /** Waits in line for the lock that the worker holds: whoever gets it has outlived the worker. */
  #guard(name) {
    clearTimeout(this.#birth);
    const { locks } = navigator;
    if (!locks) return;
    const worker = this.#worker;
    const watch = new AbortController();
    this.#watch = watch;
    locks.request(name, { signal: watch.signal }, () => {
      if (worker === this.#worker) this.#died('it was ended from outside');
    }).catch(() => {});
  }

  #drop() {
    clearTimeout(this.#birth);
    this.#watch?.abort();
    this.#watch = null;
    this.#worker?.terminate();
    this.#worker = null;
  }

  #died(reason) {
    this.#drop();
    if (this.#closed) return;
    this.#deaths += 1;
    const detail = reason ? ` (${String(reason).slice(0, 200)})` : '';
    const crashed = () => new PalateError('crashed', `The worker of palate ended ${DEATHS} times in a row${detail}. Reload the page; if it happens again, please report it with report().`);
    if (this.#deaths >= DEATHS) {
      this.#deaths = 0;
      return this.#rejectAll(crashed());
    }
    // A call that ends every worker it is made in: the opening before it always succeeds, so the count above never gets there.
    for (const call of [...this.#waiting.values()]) {
      call.deaths += 1;
      if (call.deaths >= DEATHS) call.reject(crashed());
    }
    if (this.#waiting.size > 0) this.#relaunch();
  }

  #rejectAll(error) {
    for (const call of [...this.#waiting.values()]) call.reject(error);
  }
}

function resolvers() {
  let resolve, reject;
  const promise = new Promise((yes, no) => { resolve = yes; reject = no; });
  return { promise, resolve, reject };
}

/** Absolute address of what the page passed, as the page's own links are resolved. */
export function absolute(address, call) {
  try {
    return new URL(address, globalThis.document?.baseURI ?? globalThis.location?.href).href;
  } catch {
    throw new PalateError('bad-input', `${call} was passed an address that is none. Pass a path or URL as text.`);
  }
}

/**
 * The name under which a session's files are kept on the device: what the page chose, else made of the address, so that
 * two catalogs on one site do not share a history by accident.
 */
export function spaceOf(prefix, name, address) {
  if (name !== undefined) {
    if (typeof name !== 'string' || !/^[A-Za-z0-9_-]{1,64}$/.test(name)) {
      throw new PalateError('bad-input', 'name is no short word. Pass 1 to 64 letters, digits, "-" or "_".');
    }
    return `${prefix}-n-${name}`;
  }
  const { origin, pathname } = new URL(address);
  // FNV-1a over UTF-16 units, in two halves that fit exact integers: a name, no secret.
  let high = 0xcbf29ce4, low = 0x84222325;
  for (const unit of `${origin}${pathname}`) {
    low = (low ^ unit.codePointAt(0)) >>> 0;
    const product = low * 0x1b3;
    high = (high * 0x1b3 + low * 0x100 + Math.floor(product / 2 ** 32)) >>> 0;
    low = product >>> 0;
  }
  return `${prefix}-u-${high.toString(16).padStart(8, '0')}${low.toString(16).padStart(8, '0')}`;
}
