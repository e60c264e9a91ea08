//! The page's one door to the library: opens the recommender, records taps, asks for lists, and says when taste has changed.
//!
//! Nothing is drawn here. Taps before the recommender is open wait in memory and are recorded when it is.
//!
//! Events: 'state' (opening, ready, failed), 'progress', 'taste' (after every change of history; detail: {key, event}).

const INDEX = 'demo/index/manifest.json';
const LIKES = new Set(['like', 'save', 'purchase']);
const AGAINST = new Set(['dismiss', 'dislike']);

export class Shop extends EventTarget {
  state = 'opening';
  error = null;
  progress = { loaded: 0, total: 0 };
  liked = new Map(); // key -> time of the latest like, oldest first
  hidden = new Set();
  kinds = new Map(); // key -> the strongest event kind
  #recommender = null;
  #waiting = [];
  #downloads = new Map();
  #channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel('palate-shelf') : null;

  constructor() {
    super();
    this.#channel?.addEventListener('message', () => this.#reread());
  }

  get ready() {
    return this.state === 'ready';
  }

  async open() {
    this.#become('opening');
    this.error = null;
    try {
      const { Recommender } = await import('../lib/index.js');
      this.#recommender = await Recommender.open({ index: new URL(INDEX, document.baseURI).href, onProgress: (step) => this.#onProgress(step) });
      await this.#readTaste();
      const taps = this.#waiting.splice(0);
      for (const { key, event } of taps) await this.#recommender.record({ item: key, event });
      if (taps.length) await this.#readTaste();
      this.#become('ready');
      this.#changed({});
    } catch (error) {
      this.error = error;
      this.#become('failed');
    }
  }

  #become(state) {
    this.state = state;
    this.dispatchEvent(new Event('state'));
  }

  #onProgress(step) {
    if (!(step.total > 0)) return;
    this.#downloads.set(step.what ?? step.file ?? step.url ?? step.phase ?? '', step);
    this.progress = { loaded: 0, total: 0 };
    for (const { loaded = 0, total } of this.#downloads.values()) {
      this.progress.loaded += loaded;
      this.progress.total += total;
    }
    this.dispatchEvent(new Event('progress'));
  }

  #changed(detail) {
    this.dispatchEvent(new CustomEvent('taste', { detail }));
    if (detail.event) this.#channel?.postMessage('changed');
  }

  async #reread() {
    if (!this.ready) return;
    await this.#readTaste();
    this.#changed({});
  }

  async #readTaste() {
    const { events } = await this.profile();
    this.liked.clear();
    this.hidden.clear();
    this.kinds.clear();
    for (const event of events) this.#note(event.item, event.event, event.time);
  }

  #note(key, event, time = Date.now()) {
    if (LIKES.has(event)) {
      this.liked.delete(key);
      this.liked.set(key, time);
      this.hidden.delete(key);
    } else if (AGAINST.has(event)) {
      this.hidden.add(key);
      this.liked.delete(key);
    }
    if (!LIKES.has(this.kinds.get(key))) this.kinds.set(key, event);
  }

  /** Records one tap. The page shows it at once; a failure takes it back and is thrown. */
  async act(key, event) {
    const before = [new Map(this.liked), new Set(this.hidden), new Map(this.kinds)];
    this.#note(key, event);
    if (!this.ready) {
      this.#waiting.push({ key, event });
      this.#changed({ key, event });
      return;
    }
    try {
      await this.#recommender.record({ item: key, event });
    } catch (error) {
      [this.liked, this.hidden, this.kinds] = before;
      this.#changed({});
      throw error;
    }
    this.#changed({ key, event });
  }

  /** Forgets everything about one item, or all. Resolves to a function that brings it back. */
  async forget(what) {
    const undo = await this.#rememberForUndo();
    if (!this.ready) {
      this.#waiting = what.all ? [] : this.#waiting.filter((tap) => tap.key !== what.item);
      for (const key of what.all ? [...this.kinds.keys()] : [what.item]) {
        this.liked.delete(key);
        this.hidden.delete(key);
        this.kinds.delete(key);
      }
    } else {
      await this.#recommender.forget(what);
      await this.#readTaste();
    }
    this.#changed({ key: what.item, event: 'forget' });
    return undo;
  }

  /** Several items at once, one undo. */
  async forgetAll(keys) {
    const undo = await this.#rememberForUndo();
    for (const item of keys) await this.#recommender.forget({ item });
    await this.#readTaste();
    this.#changed({ event: 'forget' });
    return undo;
  }

  async #rememberForUndo() {
    if (!this.ready) return null;
    const copy = await this.export();
    return async () => {
      await this.#recommender.forget({ all: true });
      await this.import(copy);
    };
  }

  /** `[{key, score, reasons}]`. `adventure` and `niche` are the sliders, 0..1 and -1..1. */
  recommend({ k, adventure = 0.3, niche = 0, exclude = [] }) {
    return this.#recommender.recommend({
      k, exclude, explain: true,
      diversity: 0.1 + 0.75 * adventure,
      explore: 0.5 * adventure * adventure,
      popularity: -niche,
    });
  }

  similar(key, k) {
    return this.#recommender.similar(key, { k });
  }

  search(text, { k = 60, personal = 0 } = {}) {
    return this.#recommender.search({ text, k, personal });
  }

  /** `{events: [{item, event, time}], interests: [{weight, because: [keys]}]}`, newest event last. */
  async profile() {
    return this.#recommender.profile();
  }

  report() {
    return this.#recommender?.report() ?? null;
  }

  export() {
    return this.#recommender.history.export();
  }

  async import(bytes) {
    await this.#recommender.history.import(bytes);
    await this.#readTaste();
    this.#changed({ event: 'import' });
  }
}
