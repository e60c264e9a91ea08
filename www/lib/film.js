//! Films in: evenly spaced frames of whatever a page plays, drawn by the browser on the page's thread, which alone has elements.
//!
//! Not here: a film's sound, for which the film itself is passed as a sound (`sound.js`).

import { badInput } from './errors.js';

/** Frames of a film, and their longest side in pixels. */
const FRAMES = 8;
const SIDE = 512;
/** Largest file in bytes; how long a browser may take to find a frame, in milliseconds. */
const MOST_BYTES = 1 << 30;
const PATIENCE = 15_000;
/** How long a frame that was found may take to be what is drawn, in milliseconds; none is told of in a page that nobody sees. */
const UNSEEN = 500;

const none = () => badInput('A film is none. Pass a Blob or File of one.');
const refused = () => badInput('The film could not be decoded, or shows no picture. Pass a WebM, MP4 or other file that this browser plays, or its frames as pictures.');

/** `{ width, height, data }` of a film's frames, RGBA bytes one frame after another, opaque. */
export async function frames(film) {
  if (!(film instanceof Blob)) throw none();
  if (film.size > MOST_BYTES) throw badInput(`The film's file has ${film.size} bytes. Pass one of at most ${MOST_BYTES}.`);
  if (typeof document === 'undefined') throw badInput('Films are decoded by a page. Pass pictures here.');
  const element = document.createElement('video');
  Object.assign(element, { muted: true, playsInline: true, preload: 'auto' });
  const url = URL.createObjectURL(film);
  try {
    element.src = url;
    await happens(element, 'loadeddata');
    const { videoWidth, videoHeight } = element;
    if (!videoWidth || !videoHeight) throw refused();
    const duration = await durationOf(element);
    const scale = Math.min(1, SIDE / Math.max(videoWidth, videoHeight));
    const [width, height] = [videoWidth, videoHeight].map((side) => Math.max(1, Math.round(side * scale)));
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const context = canvas.getContext('2d', { willReadFrequently: true });
    const data = new Uint8Array(FRAMES * width * height * 4);
    for (let at = 0; at < FRAMES; at += 1) {
      await seek(element, (duration * (at + 0.5)) / FRAMES);
      context.fillStyle = 'white';
      context.fillRect(0, 0, width, height);
      context.drawImage(element, 0, 0, width, height);
      data.set(context.getImageData(0, 0, width, height).data, at * width * height * 4);
    }
    return { width, height, data };
  } finally {
    element.removeAttribute('src');
    element.load();
    URL.revokeObjectURL(url);
  }
}

/** In seconds; of a recording that does not say it, found by going to its end. */
async function durationOf(element) {
  if (Number.isFinite(element.duration)) return element.duration;
  await seek(element, 1e7);
  return Number.isFinite(element.duration) ? element.duration : element.currentTime;
}

/** A frame may be found (`seeked`) before it is what a canvas draws: on a busy machine one of thirty films had an earlier frame in its place. */
async function seek(element, time) {
  const there = happens(element, 'seeked');
  const shown = new Promise((done) => { element.requestVideoFrameCallback?.(done) ?? done(); });
  element.currentTime = time;
  await there;
  await Promise.race([shown, new Promise((done) => { setTimeout(done, UNSEEN); })]);
}

/** Waits for an event of the element; what goes wrong is a refusal. */
function happens(element, name) {
  return new Promise((done, fail) => {
    const listen = new AbortController();
    const end = (settle, value) => {
      listen.abort();
      clearTimeout(timer);
      settle(value);
    };
    const timer = setTimeout(() => end(fail, refused()), PATIENCE);
    element.addEventListener(name, () => end(done), { signal: listen.signal });
    element.addEventListener('error', () => end(fail, refused()), { signal: listen.signal });
  });
}
