//! The class `Recommender`: checks what the page passes and hands it to the worker.
//!
//! Nothing is computed or stored on this side.

import { aborted, badInput, checkOptions, closed } from './errors.js';
import { frames } from './film.js';
import { portable } from './media.js';
import { Connection, absolute, spaceOf } from './protocol.js';
import { samples } from './sound.js';

const OPEN = ['index', 'name', 'textModel', 'imageModel', 'audioModel', 'device', 'store', 'persist', 'publicKey', 'onProgress', 'onReady', 'signal'];
const LIST = ['k', 'filter', 'exclude', 'seen', 'diversity', 'variety', 'calibrate', 'fair', 'cap', 'explain', 'signal'];
const RECOMMEND = [...LIST, 'explore', 'context', 'popularity', 'seed'];
const SEARCH = [...LIST, 'text', 'image', 'audio', 'video', 'personal'];
const EVENT = ['item', 'event', 'value', 'context', 'time'];
const DEVICES = ['auto', 'webgpu', 'wasm'];
const STORES = ['auto', 'opfs', 'indexeddb', 'memory'];

/** An open catalog with the visitor's history on the device. Made by `Recommender.open`. */
export class Recommender {
  #line;
  #persist;
  #persisted = null;
  /** Which media's models the page asked for: names of calls that bring them. */
  #media;
  /** The visitor's history as a file: `export()` and `import(text)`. */
  history;

  constructor(line, { persist, media }) {
    this.#line = line;
    this.#persist = persist;
    this.#media = media;
    this.history = Object.freeze({
      export: () => line.call('exportHistory', {}),
      import: (text) => this.#import(text),
    });
  }

  /**
   * Opens the index at `index`: from the device where it is there, with one request for a newer one, and without any
   * network at all where there is none. Resolves when everything is on the device; nothing is fetched after that until
   * `sync()`. `onReady(recommender)` is called as soon as lists can be asked for, before the text model is there.
   */
  static async open(options) {
    const { index, name, textModel, imageModel, audioModel, device = 'auto', store = 'auto', persist = true, publicKey, onProgress, onReady, signal } = checkOptions('open', options, OPEN);
    if (typeof index !== 'string' && !(index instanceof URL)) throw badInput('open needs an index. Pass { index: address of its manifest.json }.');
    if (!DEVICES.includes(device)) throw badInput(`device is not known. Pass one of ${DEVICES.join(', ')}.`);
    if (!STORES.includes(store)) throw badInput(`store is not known. Pass one of ${STORES.join(', ')}.`);
    if (textModel !== undefined && textModel !== false && typeof textModel !== 'string' && !(textModel instanceof URL)) {
      throw badInput("textModel is no address. Pass the model's folder, false for none, or leave it out for the index's own.");
    }
    for (const [name, model] of Object.entries({ imageModel, audioModel })) {
      if (model !== undefined && typeof model !== 'boolean' && typeof model !== 'string' && !(model instanceof URL)) {
        throw badInput(`${name} is no address. Pass true for the index's own model, the model's folder, or leave it out for none.`);
      }
    }
    const folder = (model) => (model && model !== true ? absolute(model, 'open') : undefined);
    if (publicKey !== undefined && !/^[0-9a-f]{64}$/i.test(publicKey)) throw badInput('publicKey is not 64 hex digits. Pass what `palate key new` printed.');
    if (signal?.aborted) throw aborted();
    const address = absolute(index, 'open');
    const args = {
      index: address,
      textModel: textModel ? absolute(textModel, 'open') : undefined,
      pictures: Boolean(imageModel),
      imageModel: folder(imageModel),
      sounds: Boolean(audioModel),
      audioModel: folder(audioModel),
      publicKey,
      device,
      store,
      space: spaceOf('r', name, address),
    };
    const line = new Connection({ method: 'openRecommender', args });
    try {
      await line.open({ onProgress, signal });
      const media = [imageModel && 'prepareImage', audioModel && 'prepareAudio'].filter(Boolean);
      const recommender = new Recommender(line, { persist, media });
      onReady?.(recommender);
      if (textModel !== false) await recommender.#prepareText({ onProgress, signal }, textModel !== undefined);
      await recommender.#prepareMedia({ onProgress, signal });
      return recommender;
    } catch (error) {
      line.close();
      throw error;
    }
  }

  /**
   * Brings the text model. Lists do without, so a model that cannot be had right now is no reason to fail; one that the
   * page named and that does not fit the index is.
   */
  async #prepareText(options, named) {
    try {
      await this.#line.call('prepareText', {}, options);
    } catch (error) {
      if (error.code === 'aborted' || error.code === 'closed' || error.code === 'crashed' || (named && error.code === 'mismatch')) throw error;
      return;
    }
    // The first search should not wait for the model to be unpacked, and no list should wait for that now.
    setTimeout(() => this.#line.call('warmUp', {}).catch(() => {}), 0);
  }

  /** Brings the models of pictures and sounds, where the page asked for them; as with words, one that cannot be had right now is told by the search. */
  async #prepareMedia(options) {
    for (const call of this.#media) {
      try {
        await this.#line.call(call, {}, options);
      } catch (error) {
        if (['aborted', 'bad-input', 'closed', 'crashed', 'mismatch'].includes(error.code)) throw error;
      }
    }
  }

  /** Records one event or several; when it resolves they are on the device. */
  async record(events) {
    const list = Array.isArray(events) ? events : [events];
    const call = newCall();
    await this.#line.call('record', { events: list.map((event) => checkEvent(event, call)) });
    if (this.#persist && this.#persisted === null) {
      this.#persisted = false;
      // Without it a browser that runs short of space may clear the history. Not waited for: some browsers ask the visitor first.
      navigator.storage?.persist?.().then((kept) => { this.#persisted = kept; }, () => {});
    }
  }

  /** Recommendations, best first. */
  async recommend(options = {}) {
    const { signal, ...rest } = checkOptions('recommend', options, RECOMMEND);
    if (rest.context?.time instanceof Date) rest.context = { ...rest.context, time: localTime(rest.context.time) };
    return this.#line.call('recommend', plain(rest), { signal });
  }

  /** The items nearest to the item `key`. */
  async similar(key, options = {}) {
    if (typeof key !== 'string') throw badInput("similar needs an item's key. Pass it as text.");
    const { signal, ...rest } = checkOptions('similar', options, LIST);
    return this.#line.call('similar', { ...plain(rest), key }, { signal });
  }

  /** The items nearest to `text`, to `image`, `audio` or `video`, or to the text and one of those; `personal` from 0 to 1 leans towards the visitor's taste. */
  async search(options) {
    const { signal, ...rest } = checkOptions('search', options, SEARCH);
    const media = ['image', 'audio', 'video'].filter((name) => rest[name] !== undefined);
    if (media.length > 1) throw badInput(`search was passed ${media.join(' and ')}. Make a search for each.`);
    const [medium] = media;
    if (medium && rest.text !== undefined && typeof rest.text !== 'string') throw badInput(`search's text is none. Pass { ${medium} } with a text or without.`);
    if (medium === 'audio') {
      const { audio, ...others } = rest;
      const hearing = await this.#line.call('hearing', {}, { signal });
      return this.#line.call('searchHeard', plain({ ...others, ...await samples(audio, hearing) }), { signal });
    }
    if (medium === 'video') {
      const { video, ...others } = rest;
      return this.#line.call('searchSeen', plain({ ...others, image: await frames(video) }), { signal });
    }
    if (medium === 'image') {
      return this.#line.call('searchSeen', plain({ ...rest, image: await portable(rest.image) }), { signal });
    }
    if (typeof rest.text !== 'string') throw badInput('search needs a text, an image, a sound or a film. Pass { text }, { image }, { audio } or { video }.');
    return this.#line.call('search', plain(rest), { signal });
  }

  /** What the device believes about the visitor, and from which events. */
  profile() {
    return this.#line.call('profile', {});
  }

  /** Forgets `{ item }`, everything `{ before }` a time, `{ learned: true }` or `{ all: true }`. Resolves to how many events went. */
  async forget(what) {
    const { item, before, learned, all } = checkOptions('forget', what, ['item', 'before', 'learned', 'all']);
    const time = before instanceof Date ? before.getTime() : before;
    return this.#line.call('forget', plain({ item, before: time, learned, all }));
  }

  async #import(text) {
    let whole = text;
    if (text instanceof Blob) whole = await text.text();
    if (text instanceof Uint8Array) whole = decode(text);
    if (typeof whole !== 'string') throw badInput('import needs what export() gave. Pass its text, its bytes or a file of it.');
    return this.#line.call('importHistory', { text: whole });
  }

  /** Fetches what changed of the index and its model. Resolves to whether another index is in use now. */
  async sync({ onProgress, signal } = {}) {
    const changed = await this.#line.call('sync', {}, { onProgress, signal });
    await this.#prepareText({ onProgress, signal }, false);
    await this.#prepareMedia({ onProgress, signal });
    return changed;
  }

  /** What runs where and why, sizes, what was fetched and what is damaged. No key and no event is in it. */
  report() {
    if (!this.#line.report) throw closed();
    return { ...structuredClone(this.#line.report), persisted: this.#persisted, restarts: this.#line.restarts };
  }

  /** Ends the session and its worker. Closing twice is fine. */
  async close() {
    this.#line.close();
  }
}

/** Without `undefined`: what is not there is not passed. */
function plain(options) {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** A moment on the visitor's own clock, as `2026-11-24T19:30`. */
function localTime(date) {
  if (Number.isNaN(date.getTime())) throw badInput('context.time is no moment. Pass a valid Date, or leave it out.');
  const two = (number) => `${number}`.padStart(2, '0');
  const year = `${date.getFullYear()}`.padStart(4, '0');
  return `${year}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

function decode(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw badInput('The history file is no UTF-8 text. Pass what export() gave.');
  }
}

/** The name of one call of `record`, so that making it again after a crash records nothing twice. */
function newCall() {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Checks an event's types; ranges are the module's business. Nothing of it is ever quoted. */
function checkEvent(event, call) {
  const { item, event: kind, value, context, time: when } = checkOptions('record', event, EVENT);
  if (typeof item !== 'string') throw badInput("An event's item is no text. Pass the item's key as text.");
  if (typeof kind !== 'string') throw badInput("An event's kind is no text. Pass { event: 'like' } or another kind.");
  if (value != null && typeof value !== 'number') throw badInput("An event's value is no number. Pass a number, or leave it out.");
  if (context != null && (typeof context !== 'object' || Array.isArray(context))) {
    throw badInput("An event's context is no object. Pass { name: value }, or leave it out.");
  }
  const time = when instanceof Date ? when.getTime() : when;
  if (time != null && typeof time !== 'number') throw badInput("An event's time is none. Pass a Date or milliseconds since 1970, or leave it out.");
  return plain({ item, event: kind, value: value ?? undefined, context: context ?? undefined, time: time ?? undefined, call });
}
