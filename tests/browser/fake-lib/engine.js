//! The stand-in's ranking by shared words, and its failures on demand; runs in `worker.js`.
//!
//! It is neither fast nor private and ships nowhere. Its history is handed in and handed out: a worker has no localStorage.

const ITEMS = '/__fake/items.jsonl';
const WEIGHT = { like: 1, save: 1.4, purchase: 2, click: 0.35, view: 0.2, dwell: 0.2, dislike: -1, dismiss: -0.7 };

let scenario = new Set();
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class PalateError extends Error {
  constructor(code, message) {
    super(message);
    this.name = 'PalateError';
    this.code = code;
  }
}

const stem = (word) => word.replace(/(ing|ies|es|s)$/, '');
const tokens = (text) => (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).map(stem);
const SYNONYMS = { hot: 'warm', warm: 'hot', beverage: 'drink', drink: 'beverage', puppy: 'dog', kitty: 'cat', rainy: 'rain', sea: 'ocean', ocean: 'sea' };

function hash(text) {
  let h = 2166136261;
  for (let i = 0; i < text.length; i += 1) h = Math.imul(h ^ text.charCodeAt(i), 16777619);
  return ((h >>> 0) % 10007) / 10007;
}

export class Recommender {
  static async open({ index, onProgress, onReady, scenarios, events, onSave }) {
    scenario = new Set(scenarios);
    if (!index) throw new PalateError('bad-input', 'open needs {index}: the address of manifest.json.');
    const shop = new Recommender();
    shop.#events = events;
    shop.#onSave = onSave;
    const started = performance.now();
    if (scenario.has('broken-index')) {
      await wait(300);
      throw new PalateError('corrupt', 'Shard 2 of the index has another hash than its manifest says. Build the index again and publish all its files.');
    }
    const kept = await caches.open('fake-index');
    const response = await fetch(ITEMS).then(async (fresh) => (fresh.ok && (await kept.put(ITEMS, fresh.clone())), fresh), () => kept.match(ITEMS));
    if (!response.ok) throw new PalateError('network', `The index answered ${response.status}. Check the address and try again.`);
    const lines = (await response.text()).split('\n').filter(Boolean).map((line) => JSON.parse(line));
    const slow = scenario.has('slow') ? 12 : 1;
    for (const [phase, total] of [['index', 1_437_000], ['model', 23_347_000]]) {
      for (let step = 1; step <= 12; step += 1) {
        await wait(12 * slow);
        onProgress({ phase, loaded: Math.round((total * step) / 12), total });
        if (phase === 'model' && step === 6 && scenario.has('no-model')) {
          shop.#problem = { code: 'network', message: 'The connection ended after 11.7 MB of 23.3 MB. Nothing is lost: open again and the download goes on from there.' };
          break;
        }
      }
      if (phase === 'index') {
        shop.#build(lines);
        onProgress({ phase: 'ready-to-recommend', loaded: 0, total: 0 });
        onReady(shop);
      }
    }
    onProgress({ phase: 'ready', loaded: 0, total: 0 });
    shop.#opened = performance.now() - started;
    return shop;
  }

  #items = [];
  #byKey = new Map();
  #postings = new Map();
  #events = [];
  #opened = 0;
  #problem = null;
  #unlearned = 0; // likes that nothing is learned from any more
  #closed = false;
  #onSave = null;
  history = {
    export: async () => JSON.stringify({ format: 'palate-history', version: 1, events: this.#events }),
    import: async (text) => {
      let value;
      try {
        value = JSON.parse(text);
        if (value.format !== 'palate-history') throw new Error();
      } catch {
        throw new PalateError('corrupt', 'This file is not a history that palate exported. Choose another file.');
      }
      const known = new Set(this.#events.map((event) => JSON.stringify(event)));
      const added = value.events.filter((event) => !known.has(JSON.stringify(event)));
      this.#events.push(...added);
      this.#save();
      return { added: added.length, known: value.events.length - added.length, unknownItems: 0 };
    },
  };

  #build(lines) {
    const frequency = new Map();
    for (const { id, ...item } of lines) {
      const counts = new Map();
      const add = (text, weight) => tokens(text).forEach((t) => counts.set(t, (counts.get(t) ?? 0) + weight));
      add(item.title, 2);
      item.tags.forEach((tag) => add(tag, 1));
      item.categories.forEach((category, depth) => counts.set(`#${category}`, depth ? 1 : 0.3));
      for (const token of counts.keys()) frequency.set(token, (frequency.get(token) ?? 0) + 1);
      const entry = { key: id, item, counts, popularity: hash(id), ordinal: this.#items.length };
      this.#items.push(entry);
      this.#byKey.set(id, entry);
    }
    for (const entry of this.#items) {
      let norm = 0;
      entry.vector = new Map();
      for (const [token, count] of entry.counts) {
        const value = count * Math.log(this.#items.length / frequency.get(token));
        entry.vector.set(token, value);
        norm += value * value;
      }
      for (const [token, value] of entry.vector) {
        entry.vector.set(token, value / Math.sqrt(norm || 1));
        if (!this.#postings.has(token)) this.#postings.set(token, []);
        this.#postings.get(token).push(entry.ordinal);
      }
    }
  }

  #save() {
    this.#onSave(this.#events);
  }

  #open() {
    if (this.#closed) throw new PalateError('closed', 'This recommender was closed. Open a new one.');
  }

  #similarity(vector) {
    const scores = new Float32Array(this.#items.length);
    for (const [token, value] of vector) for (const i of this.#postings.get(token) ?? []) scores[i] += value * this.#items[i].vector.get(token);
    return scores;
  }

  #known(key) {
    const entry = this.#byKey.get(key);
    if (!entry) throw new PalateError('not-found', `The catalog holds no item '${key}'. Check the key against the index.`);
    return entry;
  }

  async record(events) {
    this.#open();
    for (const { item, event, ...rest } of events) {
      const foreign = Object.keys(rest).find((name) => !['value', 'context', 'time'].includes(name));
      if (foreign) throw new PalateError('bad-input', `record does not know ${foreign}. Leave it out.`);
      this.#known(item);
      if (!(event in WEIGHT)) throw new PalateError('bad-input', `The event's kind is not known. Pass one of ${Object.keys(WEIGHT).join(', ')}.`);
    }
    const room = !scenario.has('quota') && !scenario.delete('quota-once');
    await wait(scenario.has('slow') || !room ? 200 : 1);
    if (!room) throw new PalateError('quota', 'The disk is full: this event was not kept. Free some space, then try again.');
    this.#events.push(...events.map(({ item, event, time = Date.now() }) => ({ item, event, at: Number(time) })));
    this.#save();
  }

  #terms() {
    const latest = this.#events.length - 1;
    const terms = new Map();
    this.#events.forEach((event, i) => {
      const weight = WEIGHT[event.event] * 0.5 ** ((latest - i) / 12);
      terms.set(event.item, (terms.get(event.item) ?? 0) + weight);
    });
    return terms;
  }

  #hit(entry, score, reasons) {
    return { key: entry.key, score, reasons, item: structuredClone(entry.item) };
  }

  async recommend({ k = 20, filter, diversity = 0.3, explore = 0.05, popularity = 0, explain = true, exclude = [] } = {}) {
    this.#open();
    await wait(4);
    const terms = this.#terms();
    const seen = new Set([...exclude, ...this.#events.filter((e) => !['view', 'click', 'dwell'].includes(e.event)).map((e) => e.item)]);
    const parts = [...terms].map(([key, weight]) => [key, weight, this.#similarity(this.#byKey.get(key).vector)]);
    const prior = 1 / (1 + parts.length);
    const scored = this.#items
      .filter((entry) => !seen.has(entry.key) && (!filter || filter.keys?.includes(entry.key) !== false))
      .map((entry) => {
        let score = (prior + popularity) * 0.3 * entry.popularity;
        for (const [, weight, scores] of parts) score += weight * scores[entry.ordinal];
        score += explore * 0.6 * hash(entry.key + this.#events.length);
        return [entry, score];
      })
      .sort((a, b) => b[1] - a[1] || (a[0].key < b[0].key ? -1 : 1));
    const pool = scored.slice(0, Math.max(4 * k, 200));
    const chosen = [];
    const near = new Float32Array(this.#items.length);
    while (chosen.length < k && pool.length) {
      let best = 0;
      let bestValue = -Infinity;
      for (let i = 0; i < pool.length; i += 1) {
        const value = (1 - diversity) * pool[i][1] - diversity * near[pool[i][0].ordinal];
        if (value > bestValue) [best, bestValue] = [i, value];
      }
      const [[entry, score]] = pool.splice(best, 1);
      this.#similarity(entry.vector).forEach((s, i) => (near[i] = Math.max(near[i], s)));
      const because = parts.map(([key, weight, scores]) => [key, weight * scores[entry.ordinal]]).filter(([, w]) => w > 0).sort((a, b) => b[1] - a[1]);
      const content = because.reduce((sum, [, w]) => sum + w, 0);
      const reasons = [{ term: 'popularity', weight: Math.max(0, prior + popularity) * 0.3 * entry.popularity, because: [], shares: [] }];
      if (content) reasons.push({ term: 'content', weight: content, because: because.slice(0, 3).map(([key]) => key), shares: because.slice(0, 3).map(([, w]) => w) });
      reasons.sort((a, b) => b.weight - a.weight);
      chosen.push(this.#hit(entry, score, explain ? reasons : []));
    }
    return chosen;
  }

  async similar(key, { k = 12 } = {}) {
    this.#open();
    const scores = this.#similarity(this.#known(key).vector);
    return this.#rank(scores, k, key);
  }

  /** Of a picture its file's name is what it shows. */
  async search({ text = '', image, k = 20, personal = 0 } = {}) {
    this.#open();
    if (image && !/^image\/(png|jpeg|webp)$/.test(image.type)) throw Object.assign(new Error('The picture could not be decoded. Pass a JPEG, PNG or WebP.'), { code: 'bad-input' });
    if (image) text = image.name.replace(/\.\w+$/, '').replaceAll('-', ' ');
    await wait(scenario.has('slow') ? 250 : 6);
    const vector = new Map();
    for (const token of tokens(text)) for (const t of [token, SYNONYMS[token]].filter(Boolean)) vector.set(t, t === token ? 1 : 0.6);
    const scores = this.#similarity(vector);
    if (personal) for (const [key, weight] of this.#terms()) this.#similarity(this.#byKey.get(key).vector).forEach((s, i) => scores[i] && (scores[i] += personal * weight * s));
    return this.#rank(scores, k);
  }

  #rank(scores, k, except) {
    return this.#items
      .filter((entry) => scores[entry.ordinal] > 0 && entry.key !== except)
      .sort((a, b) => scores[b.ordinal] - scores[a.ordinal] || (a.key < b.key ? -1 : 1))
      .slice(0, k)
      .map((entry) => this.#hit(entry, scores[entry.ordinal], []));
  }

  async profile() {
    this.#open();
    const beliefs = (sign) => {
      const groups = new Map();
      for (const [key, weight] of this.#terms()) {
        if (weight * sign <= 0) continue;
        const name = this.#byKey.get(key).item.categories[1];
        if (!groups.has(name)) groups.set(name, []);
        groups.get(name).push({ key, weight, events: this.#events.filter((event) => event.item === key).map(({ event, at }) => ({ event, time: at, weight: WEIGHT[event] })) });
      }
      const weigh = (items) => items.reduce((sum, item) => sum + Math.abs(item.weight), 0);
      const total = [...groups.values()].reduce((sum, items) => sum + weigh(items), 0);
      return [...groups.values()]
        .map((items) => ({ weight: sign * weigh(items), share: weigh(items) / total, because: items.map((item) => item.key), items, near: [] }))
        .sort((a, b) => b.share - a.share);
    };
    const events = this.#events.map(({ item, event, at }) => ({ item, event, time: at, weight: WEIGHT[event] }));
    const likes = this.#events.filter(({ event }) => event === 'like').length - this.#unlearned;
    const learned = { observations: likes, terms: [{ term: 'liked', factor: 1 + likes / 10, deviation: 0.4 }, { term: 'popularity', factor: 1, deviation: 0.5 }] };
    return { events, interests: [...beliefs(1), ...beliefs(-1)], learned, unknownItems: 0 };
  }

  async forget({ item, before, learned, all } = {}) {
    this.#open();
    if (learned) {
      this.#unlearned = this.#events.filter(({ event }) => event === 'like').length;
      return;
    }
    this.#unlearned = 0;
    this.#events = this.#events.filter((event) => !(all || event.item === item || event.at < before));
    this.#save();
  }

  report() {
    const memory = scenario.has('memory');
    return {
      device: 'wasm',
      deviceWhy: 'a stand-in for tests',
      store: { kind: memory ? 'memory' : 'opfs', why: memory ? 'the browser refuses storage to this window, as private windows do' : 'the browser has a private file system for this page', evicted: false, locks: true },
      text: { ready: true, kernels: null, problem: this.#problem },
      history: { events: this.#events.length, bytes: JSON.stringify(this.#events).length },
      traffic: { requests: 3, received: 24_784_000, read: 0 },
      openMs: this.#opened,
    };
  }

  async close() {
    this.#closed = true;
  }
}
