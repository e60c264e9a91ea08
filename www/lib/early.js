//! What a first visit downloads while the module is still compiled: a model's manifest, and the pack that it names.
//!
//! The module asks for the same addresses a moment later and takes what has come by then (`src/platform/web/fetch.rs`). It verifies
//! that as anything else. Whatever goes wrong here is left to it: it asks the server itself, and says what is wrong.

/** Bytes that wait for the module, about; the download pauses there. */
const MOST = 32 << 20;

/** Whether nothing was stored yet under the name `space`. */
async function isFirst(space, store) {
  if (store === 'memory') return true;
  if (store === 'indexeddb') return false;
  try {
    const root = await navigator.storage.getDirectory();
    await (await root.getDirectoryHandle('palate')).getDirectoryHandle(space);
    return false;
  } catch (error) {
    return error.name === 'NotFoundError';
  }
}

/** The stream of an answer, read ahead until somebody takes over; `read` and `cancel` as of its reader. */
class Ahead {
  #reader;
  #stop;
  /** Steps that were asked for and not taken, as promises. */
  #steps = [];
  #taken = false;

  constructor(response, stop) {
    this.#reader = response.body.getReader();
    this.#stop = stop;
    this.#pump();
  }

  async #pump() {
    for (let bytes = 0, ended = false; !ended && !this.#taken && bytes < MOST;) {
      const step = this.#reader.read();
      this.#steps.push(step);
      const { value, done } = await step.catch(() => ({ done: true }));
      bytes += value?.length ?? 0;
      ended = done;
    }
  }

  read() {
    this.#taken = true;
    return this.#steps.shift() ?? this.#reader.read();
  }

  async cancel() {
    this.#stop.abort();
  }
}

/** The downloads of a session that opens. */
export class Early {
  /** By address: a promise of `{ response, reader }`. */
  #found = new Map();
  #stop = new AbortController();
  /** Settles when it is clear what is downloaded. */
  #known;

  constructor({ models: [model], space, store }) {
    this.#known = this.#start(model, space, store).catch(() => {});
  }

  async #start(model, space, store) {
    if (!await isFirst(space, store)) return;
    const url = model.endsWith('.json') ? model : `${model.replace(/\/+$/, '')}/manifest.json`;
    const response = fetch(url, { cache: 'no-cache', signal: this.#stop.signal });
    this.#keep(url, response.then((answer) => answer.clone()));
    const { file } = await (await response).json();
    // A name, and beside the manifest: the module refuses others.
    if (!/^[\w.-]+$/.test(file)) return;
    const pack = url.split(/[?#]/)[0].replace(/[^/]*$/, file);
    this.#keep(pack, fetch(pack, { signal: this.#stop.signal }));
  }

  #keep(url, answer) {
    const found = answer.then((response) => ({ response, reader: new Ahead(response, this.#stop) }));
    found.catch(() => {}); // it may be that nobody takes it
    this.#found.set(url, found);
  }

  /** What was asked of `url`, once; `undefined` where nothing was. Rejects as `fetch` does. */
  async take(url) {
    if (!this.#found.has(url)) await this.#known;
    const found = this.#found.get(url);
    this.#found.delete(url);
    return found;
  }

  /** Ends what nobody took. */
  end() {
    if (this.#found.size > 0) this.#stop.abort();
    this.#found.clear();
  }
}
