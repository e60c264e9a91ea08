//! The class `Encoder`: an encoder of texts, pictures or sounds on its own.

import { aborted, badInput, checkOptions, closed } from './errors.js';
import { frames } from './film.js';
import { portable } from './media.js';
import { Connection, absolute, spaceOf } from './protocol.js';
import { samples } from './sound.js';

const OPEN = ['model', 'videoModel', 'name', 'device', 'store', 'onProgress', 'signal'];
const STORES = ['auto', 'opfs', 'indexeddb', 'memory'];

/** An open encoder. Made by `Encoder.open`. */
export class Encoder {
  #line;

  constructor(line) {
    this.#line = line;
  }

  /**
   * Opens the model in the folder `model` (or of that manifest); it is kept on the device for the next visit. With the folder
   * `videoModel` (`palate train video` with this image model) films are read in the order of their frames.
   */
  static async open(options) {
    const { model, videoModel, name, device = 'auto', store = 'auto', onProgress, signal } = checkOptions('open', options, OPEN);
    if (typeof model !== 'string' && !(model instanceof URL)) throw badInput('open needs a model. Pass { model: its folder }.');
    if (videoModel !== undefined && typeof videoModel !== 'string' && !(videoModel instanceof URL)) {
      throw badInput("videoModel is no address. Pass the video model's folder, or leave it out.");
    }
    if (!['auto', 'webgpu', 'wasm'].includes(device)) throw badInput('device is not known. Pass one of auto, webgpu, wasm.');
    if (!STORES.includes(store)) throw badInput(`store is not known. Pass one of ${STORES.join(', ')}.`);
    if (signal?.aborted) throw aborted();
    const address = absolute(model, 'open');
    const models = videoModel === undefined ? [address] : [address, absolute(videoModel, 'open')];
    const args = { models, device, store, space: spaceOf('e', name, address) };
    const line = new Connection({ method: 'openEncoder', args });
    try {
      await line.open({ onProgress, signal });
      return new Encoder(line);
    } catch (error) {
      line.close();
      throw error;
    }
  }

  /** One `Float32Array` of unit length for each input: `{ text }`, or just the text; of an image model `{ image }` or `{ video }` (by the video model, else the mean of its frames), of an audio model `{ audio }`. */
  async encode(inputs, { signal } = {}) {
    if (!Array.isArray(inputs)) throw badInput('encode takes a list. Pass [{ text }, ...].');
    const medium = ['image', 'audio', 'video'].find((name) => inputs.some((input) => input?.[name] !== undefined));
    if (medium && inputs.some((input) => input?.[medium] === undefined)) {
      throw badInput('encode was passed inputs of several kinds. A model takes one: make a call for each.');
    }
    if (medium === 'audio') return this.#hear(inputs, signal);
    if (medium === 'video') {
      const vectors = [];
      for (const { video } of inputs) vectors.push(...await this.#line.call('see', { images: [await frames(video)] }, { signal }));
      return vectors;
    }
    if (medium === 'image') {
      const images = await Promise.all(inputs.map(({ image }) => portable(image)));
      return this.#line.call('see', { images }, { signal });
    }
    const texts = inputs.map((input) => {
      const text = typeof input === 'string' ? input : input?.text;
      if (typeof text !== 'string') throw badInput('An input of encode has no text. Pass [{ text }, ...].');
      // Lone surrogates have no UTF-8; the encoding standard puts U+FFFD in their place.
      return text.toWellFormed?.() ?? text;
    });
    return texts.length === 0 ? [] : this.#line.call('encode', { texts }, { signal });
  }

  /** Sounds one after another: only one is in memory. */
  async #hear(inputs, signal) {
    const hearing = await this.#line.call('hearing', {}, { signal });
    const vectors = [];
    for (const { audio } of inputs) {
      const sound = await samples(audio, hearing);
      vectors.push(await this.#line.call('hear', sound, { signal }));
    }
    return vectors;
  }

  /** What runs where and why. */
  report() {
    if (!this.#line.report) throw closed();
    return { ...structuredClone(this.#line.report), restarts: this.#line.restarts };
  }

  /** Ends the encoder and its worker. Closing twice is fine. */
  async close() {
    this.#line.close();
  }
}
