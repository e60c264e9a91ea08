//! The shop's own goods: every sticker's name, aisle and drawing, from one file that all visitors fetch alike.
//!
//! The recommender is not here. Drawings become data: addresses on the device, so that showing one asks nobody.
//! The file's layout stands in www/build/shelf.mjs.

const CACHE = 'palate-shelf-drawings';
const DRAWN_AT_ONCE = 2; // parsing one drawing takes milliseconds, so a task takes few and others come between

export class Catalog {
  #bytes;
  #byKey = new Map();
  #addresses = new Map();
  #waiting = []; // [image, key]

  /** `onProgress(loaded, total)` in bytes. Throws an Error whose message can be shown. */
  static async open(onProgress) {
    const pointer = await fetch('demo/shelf.json');
    if (!pointer.ok) throw new Error('The shelf is not there. Run npm start once, then reload.');
    const { file, bytes: total } = await pointer.json();
    const packed = await load(`demo/${file}`, total, onProgress);
    const raw = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
    return new Catalog(new Uint8Array(await new Response(raw).arrayBuffer()));
  }

  constructor(bytes) {
    const length = new DataView(bytes.buffer).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
    if (header.version !== 1) throw new Error(`The shelf's file has version ${header.version}; this page reads version 1. Reload the page.`);
    this.#bytes = bytes;
    let start = 4 + length;
    this.items = header.items.map(([key, title, group, subgroup, tags, tone, size]) => {
      const item = { key, title, group, subgroup, tags, tone, start, size };
      start += size;
      this.#byKey.set(key, item);
      return item;
    });
  }

  get(key) {
    return this.#byKey.get(key);
  }

  /** The drawing as a standalone SVG with the sticker's white border: the same shapes, first thick and white, then as drawn. */
  svg(key, size = 168) {
    const { start, size: length } = this.get(key);
    const body = new TextDecoder().decode(this.#bytes.subarray(start, start + length));
    return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${size}" height="${size}" viewBox="-1 -1 74 74">`
      + '<style>.b *{fill:#fff!important;stroke:#fff!important;stroke-width:6px!important;stroke-linejoin:round!important;stroke-linecap:round!important;opacity:1!important}.b [fill=none]{fill:none!important}</style>'
      + `<g class="b">${body}</g>${body}</svg>`;
  }

  /** Puts the drawing into an <img>: at once if its address is known, else within the next few frames. */
  draw(image, key) {
    if (this.#addresses.has(key)) {
      image.src = this.#addresses.get(key);
      return;
    }
    this.#waiting.push([image, key]);
    if (this.#waiting.length === 1) requestAnimationFrame(() => setTimeout(() => this.#drawSome()));
  }

  #drawSome() {
    for (const [image, key] of this.#waiting.splice(0, DRAWN_AT_ONCE)) image.src = this.picture(key);
    if (this.#waiting.length) setTimeout(() => this.#drawSome());
  }

  /** A data: address for an <img>, made once a key. (A blob: address costs a round trip to the browser's other process.) */
  picture(key) {
    let address = this.#addresses.get(key);
    if (!address) {
      address = `data:image/svg+xml,${encodeURIComponent(this.svg(key))}`;
      this.#addresses.set(key, address);
    }
    return address;
  }

  /** Stickers whose name or tags contain every word: what search can do before the model has arrived. */
  byName(text, k) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const hits = [];
    for (const item of this.items) {
      const title = item.title.toLowerCase();
      let rank = 0;
      for (const word of words) {
        if (title.startsWith(word)) rank += 3;
        else if (title.includes(word)) rank += 2;
        else if (item.tags.some((tag) => tag.startsWith(word))) rank += 1;
        else { rank = 0; break; }
      }
      if (rank) hits.push([rank, item.key]);
    }
    return hits.sort((a, b) => b[0] - a[0]).slice(0, k).map(([, key]) => key);
  }
}

/** From the cache if it is there, else from the network and into the cache. The name carries the content's hash. */
async function load(url, total, onProgress) {
  const cache = await globalThis.caches?.open(CACHE).catch(() => null);
  const kept = await cache?.match(url);
  if (kept) return kept.arrayBuffer();
  const response = await fetch(url);
  if (!response.ok) throw new Error(`The shelf's drawings answered ${response.status}. Reload the page.`);
  const pieces = [];
  let loaded = 0;
  for (let reader = response.body.getReader(), step; !(step = await reader.read()).done;) {
    pieces.push(step.value);
    loaded += step.value.length;
    onProgress?.(loaded, total);
  }
  const blob = new Blob(pieces);
  if (cache) {
    for (const old of await cache.keys()) await cache.delete(old);
    await cache.put(url, new Response(blob, { headers: { 'Content-Type': 'application/octet-stream' } })).catch(() => {});
  }
  return blob.arrayBuffer();
}
