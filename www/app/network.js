//! Counts what this page really fetched, before and after the shelf opened.
//!
//! Three witnesses: the browser's own resource timing for the page, the service worker for everything that passes it
//! (the library's worker too), and the library's progress for downloads made before the service worker was there.

export class Network extends EventTarget {
  /** `[{name, bytes, at, source: 'network' | 'device' | 'blocked'}]`, oldest first; `at` in milliseconds since the page began. */
  entries = [];
  openedAt = null;
  violations = 0;
  #libraryBytes = 0;

  constructor() {
    super();
    const [navigation] = performance.getEntriesByType('navigation');
    if (navigation && !navigation.workerStart) this.#add(navigation.name, navigation.transferSize, 0);
    try {
      new PerformanceObserver((list) => list.getEntries().forEach((entry) => this.#resource(entry))).observe({ type: 'resource', buffered: true });
    } catch { /* this browser has no resource timing: the service worker still counts */ }
    navigator.serviceWorker?.addEventListener('message', ({ data }) => {
      if (data?.type !== 'network') return;
      this.#add(data.url, data.bytes, data.at - performance.timeOrigin, data.blocked ? 'blocked' : 'network');
    });
    navigator.serviceWorker?.startMessages();
    document.addEventListener('securitypolicyviolation', () => { this.violations += 1; this.#tell(); });
  }

  #resource(entry) {
    if (!/^https?:/.test(entry.name) || entry.workerStart > 0) return;
    this.#add(entry.name, entry.transferSize, entry.startTime);
  }

  #add(url, bytes, at, source = bytes > 0 ? 'network' : 'device') {
    const { pathname, origin } = new URL(url, location.href);
    this.entries.push({ name: origin === location.origin ? pathname : `${origin}${pathname}`, foreign: origin !== location.origin, bytes, at, source });
    this.#tell();
  }

  /** Bytes that the library says it downloaded before the service worker could see them. */
  library(bytes) {
    this.#libraryBytes = bytes;
  }

  opened() {
    this.openedAt ??= performance.now();
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new Event('change'));
  }

  /** `{before, after, requestsAfter, blocked, foreign}`; bytes, and requests that reached the network after opening. */
  totals() {
    const network = this.entries.filter((entry) => entry.source === 'network');
    const after = network.filter((entry) => this.openedAt !== null && entry.at > this.openedAt);
    const sum = (list) => list.reduce((bytes, entry) => bytes + entry.bytes, 0);
    const seenOfLibrary = sum(network.filter((entry) => /\/(index|pack|models)\//.test(entry.name)));
    return {
      before: sum(network) - sum(after) + Math.max(0, this.#libraryBytes - seenOfLibrary),
      library: Math.max(seenOfLibrary, this.#libraryBytes),
      after: sum(after),
      requestsAfter: after.length,
      blocked: this.entries.filter((entry) => entry.source === 'blocked').length,
      foreign: network.filter((entry) => entry.foreign).length,
    };
  }
}
