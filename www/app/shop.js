//! The page's one door to the library: opens the recommender, records taps, asks for lists, and says when taste has changed.
//!
//! Nothing is drawn here. Taps before the recommender is open wait in memory and are recorded when it is.
//!
//! Events: 'state' (opening, ready, failed; and when search by meaning has come), 'progress',
//! 'taste' (after every change of history; detail: {key, event}; with `early` when a tap is shown but not yet recorded).

const INDEX = 'demo/index/manifest.json';
const HEARD = [150, 1_000, 4_000, 12_000]; // milliseconds after another tab's word
const LIKES = new Set(['like', 'save', 'purchase']);
const AGAINST = new Set(['dismiss', 'dislike']);

export class Shop extends EventTarget {
  state = 'opening'; // 'ready': lists can be asked for
  meaning = false; // search by meaning: the text model is here
  seeing = false; // search with pictures: the image model has come, or a search will say why not
  error = null;
  progress = { loaded: 0, total: 0 }; // bytes; total 0 while it is not known
  liked = new Map(); // key -> time of the latest like, oldest first
  hidden = new Set();
  kinds = new Map(); // key -> the strongest event kind
  #recommender = null;
  #waiting = [];
  #downloads = new Map();
  #channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel('palate-shelf') : null;

  constructor() {
    super();
    this.#channel?.addEventListener('message', () => HEARD.forEach((wait) => setTimeout(() => this.#reread(), wait)));
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && this.#reread());
  }

  get ready() {
    return this.state === 'ready';
  }

  /** Resolves when everything is on the device, or when it is clear that it will not be (`state`, `error`). */
  async open() {
    this.seeing = false;
    this.#become('opening');
    this.error = null;
    this.#downloads.clear();
    let listing;
    try {
      const { Recommender } = await import('../lib/index.js');
      await Recommender.open({
        index: new URL(INDEX, document.baseURI),
        imageModel: true, // fetched with the rest, so that pictures are looked at offline too and nothing is asked for later
        onProgress: (step) => this.#onProgress(step),
        onReady: (recommender) => { listing = this.#start(recommender); },
      });
      await listing;
      this.meaning = !this.report().text.problem;
      this.seeing = true;
      this.#become('ready');
    } catch (error) {
      await listing?.catch(() => {});
      this.#recommender?.close();
      this.#recommender = null;
      this.error = error;
      this.#become('failed');
    }
  }

  /** Lists can be asked for; the text model may still be on its way. */
  async #start(recommender) {
    this.#recommender?.close(); // opened anew: the one before came without its text model
    this.#recommender = recommender;
    do {
      if (this.#waiting.length) await recommender.record(this.#waiting.splice(0));
      await this.#readTaste();
    } while (this.#waiting.length); // tapped meanwhile
    this.#become('ready');
    this.#changed({});
  }

  #become(state) {
    this.state = state;
    this.dispatchEvent(new Event('state'));
  }

  #onProgress({ phase, loaded, total }) {
    if (!(loaded > 0)) return;
    this.#downloads.set(phase, [loaded, total]);
    const known = [...this.#downloads.values()];
    const sum = (at) => known.reduce((bytes, step) => bytes + step[at], 0);
    this.progress = { loaded: sum(0), total: known.every((step) => step[1] > 0) ? sum(1) : 0 };
    this.dispatchEvent(new Event('progress'));
  }

  #changed(detail) {
    this.dispatchEvent(new CustomEvent('taste', { detail }));
    if (detail.event) this.#channel?.postMessage('changed');
  }

  /** Another tab's change: asked for again later too, as this tab's worker may still be busy and not have heard of it itself. */
  async #reread() {
    if (!this.ready) return;
    const taste = () => JSON.stringify([[...this.liked], [...this.hidden], [...this.kinds]]);
    const before = taste();
    try {
      await this.#readTaste();
      if (taste() !== before) this.#changed({});
    } catch { /* what is shown stays; the next tap says what is wrong */ }
  }

  async #readTaste() {
    const { events } = await this.profile();
    this.liked.clear();
    this.hidden.clear();
    this.kinds.clear();
    for (const event of events) this.#note(event.item, event.event, event.at);
  }

  #note(key, event, at = Date.now()) {
    if (LIKES.has(event)) {
      this.liked.delete(key);
      this.liked.set(key, at);
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
      this.#waiting.push({ item: key, event, time: Date.now() });
      this.#changed({ key, event });
      return;
    }
    this.#changed({ key, early: true });
    try {
      await this.#recommender.record({ item: key, event });
    } catch (error) {
      [this.liked, this.hidden, this.kinds] = before;
      await this.#readTaste().catch(() => {}); // other taps, recorded meanwhile, are not in the copy
      this.#changed({});
      throw error;
    }
    this.#note(key, event); // again: what another tab said meanwhile was read without it
    this.#changed({ key, event });
  }

  /** Forgets everything about some items, or all (`null`). Resolves to a function that brings it back, or null. */
  async forget(keys) {
    if (!this.ready) {
      const goes = (key) => keys === null || keys.includes(key);
      this.#waiting = this.#waiting.filter((tap) => !goes(tap.item));
      for (const key of [...this.kinds.keys()].filter(goes)) {
        this.liked.delete(key);
        this.hidden.delete(key);
        this.kinds.delete(key);
      }
      this.#changed({ event: 'forget' });
      return null;
    }
    const copy = await this.export();
    if (keys === null) await this.#recommender.forget({ all: true });
    else for (const item of keys) await this.#recommender.forget({ item });
    await this.#readTaste();
    this.#changed({ event: 'forget' });
    return () => this.#bringBack(copy);
  }

  /** An export takes its old place in the history, before what was tapped since. */
  async #bringBack(copy) {
    const since = await this.export();
    await this.#recommender.forget({ all: true });
    await this.#recommender.history.import(copy);
    await this.import(since);
  }

  /** `[{key, reasons: [{term, because, share}]}]`. `adventure` and `niche` are the dials, 0 to 1 and -1 to 1. */
  async recommend({ k, adventure = 0.2, niche = 0 }) {
    const list = await this.#recommender.recommend({
      k,
      explain: true,
      diversity: 0.05 + 0.75 * adventure,
      explore: 0.5 * adventure * adventure,
      // In the middle the library decides: much popularity for a newcomer, next to none for somebody it knows.
      ...(niche === 0 ? {} : { popularity: -0.6 * niche }),
    });
    return list.map((hit) => ({ key: hit.key, score: hit.score, reasons: shares(hit.reasons) }));
  }

  similar(key, k) {
    return this.#recommender.similar(key, { k });
  }

  search(text, { k = 60, personal = 0 } = {}) {
    return this.#recommender.search({ text, k, personal });
  }

  /** The stickers that a picture (a Blob) shows, nearest first. */
  look(image, { k = 60, personal = 0 } = {}) {
    return this.#recommender.search({ image, k, personal });
  }

  /** Forgets what the library learned of how the visitor chooses; what he liked stays. */
  async forgetLearned() {
    const copy = await this.export();
    await this.#recommender.forget({ learned: true });
    this.#changed({ event: 'forget' });
    return () => this.#bringBack(copy);
  }

  /**
   * `{events: [{item, event, at}], interests: [{weight, because: [keys], near: [keys]}], learned: {observations, terms: [{term, factor}]}}`;
   * newest event last, aversions below 0.
   */
  async profile() {
    const { events, interests, learned } = await this.#recommender.profile();
    return {
      learned,
      // An imported history may bring older events after newer ones.
      events: events.map(({ item, event, time }) => ({ item, event, at: time })).sort((a, b) => a.at - b.at),
      interests: interests.map(({ weight, share, items, near }) => ({ weight: Math.sign(weight) * share, because: items.map((item) => item.key), near })),
    };
  }

  report() {
    return this.#recommender?.report() ?? null;
  }

  /** The whole history as text, to be kept as a file. */
  export() {
    return this.#recommender.history.export();
  }

  /** Resolves to `{added, known, unknownItems}`. */
  async import(text) {
    const result = await this.#recommender.history.import(text);
    await this.#readTaste();
    this.#changed({ event: 'import' });
    return result;
  }
}

/**
 * What spoke for an item, largest first, as shares of all that did. The library's reasons are addends of the score;
 * `because` names an item only where one of the visitor's events is behind that part.
 */
function shares(reasons) {
  const parts = new Map();
  let total = 0;
  const add = (term, key, part) => {
    const id = key ?? term;
    const known = parts.get(id) ?? { term, because: key === null ? [] : [key], share: 0 };
    known.share += part;
    parts.set(id, known);
  };
  for (const { term, weight, because, shares: split } of reasons) {
    if (weight <= 0) continue;
    total += weight;
    let rest = weight;
    because.forEach((key, i) => {
      add(term, key, split[i]);
      rest -= split[i];
    });
    if (rest > weight * 1e-3) add(because.length ? 'more' : term, null, rest);
  }
  const found = [...parts.values()].sort((a, b) => b.share - a.share);
  for (const part of found) part.share /= total;
  return found;
}
