//! A stand-in for the npm package with the same names and promises, for tests of the page alone.
//!
//! Only calls cross from here to `worker.js`; the ranking is in `engine.js`.
//! The page's address picks a scenario: ?fake=slow | no-model | quota | quota-once | memory | broken-index (several by comma).

const KEY = 'fake-history';

export class PalateError extends Error {
  constructor(code, message) {
    super(message);
    this.name = 'PalateError';
    this.code = code;
  }
}

export class Recommender {
  #worker = new Worker(new URL('worker.js', import.meta.url), { type: 'module' });
  #calls = new Map();
  #next = 1;
  #report = null;

  static async open({ index, onProgress, onReady } = {}) {
    const scenarios = (new URLSearchParams(location.search).get('fake') ?? '').split(',').filter(Boolean);
    const keep = !scenarios.includes('memory');
    const shop = new Recommender();
    shop.#worker.onmessage = ({ data }) => {
      if (data.progress) onProgress?.(data.progress);
      else if (data.ready) {
        shop.#report = data.report;
        onReady?.(shop);
      } else if (data.save) keep && localStorage.setItem(KEY, JSON.stringify(data.save));
      else shop.#answer(data);
    };
    await shop.#call('open', { index: String(index), scenarios, events: keep ? JSON.parse(localStorage.getItem(KEY) ?? '[]') : [] });
    return shop;
  }

  #answer({ id, value, error, report }) {
    const [resolve, reject] = this.#calls.get(id);
    this.#calls.delete(id);
    this.#report = report ?? this.#report;
    if (error) reject(new PalateError(error.code, error.message));
    else resolve(value);
  }

  #call(method, argument) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, [resolve, reject]);
      this.#worker.postMessage({ id, method, argument });
    });
  }

  history = { export: () => this.#call('history.export', []), import: (text) => this.#call('history.import', [text]) };
  record(events) { return this.#call('record', [[events].flat()]); }
  recommend(options) { return this.#call('recommend', [options]); }
  similar(key, options) { return this.#call('similar', [key, options]); }
  search(query) { return this.#call('search', [query]); }
  profile() { return this.#call('profile', []); }
  forget(what) { return this.#call('forget', [what]); }
  report() { return this.#report; }

  async close() {
    await this.#call('close', []);
    this.#worker.terminate();
  }
}
