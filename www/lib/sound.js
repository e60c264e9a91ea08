//! Sounds in: whatever a page has, decoded by the browser on the page's thread, which alone can; workers have no decoder.
//!
//! The browser decodes a file whole, so of a long one only as much is handed to it as the model listens to: a recording of three
//! hours costs no more than one of a minute. What comes out is one channel at the model's rate.

import { badInput } from './errors.js';

/** Largest file in bytes, and largest one that is decoded without its kind being known. */
const MOST_BYTES = 1 << 30;
const MOST_WHOLE = 16 << 20;
/** Longest sound in an MP4, which cannot be cut, in seconds. */
const MOST_SECONDS = 15 * 60;
/** How much of a file is looked at for its kind. */
const HEAD = 4096;
/** Bytes a second that compressed sounds have at most (320 kbit/s), and what headers may take besides. */
const DENSE = 40_000;
const HEADERS = 64 << 10;

const refused = () => badInput('The sound could not be decoded. Pass a WAV, MP3, FLAC, Ogg, WebM or other file that this browser plays.');

/** `{ rate, samples }` of a Blob or an AudioBuffer: one channel of its first `seconds`, a file's brought to `rate`. */
export async function samples(audio, { rate, seconds }) {
  if (typeof AudioBuffer !== 'undefined' && audio instanceof AudioBuffer) return mono(audio, seconds);
  if (!(audio instanceof Blob)) throw badInput('A sound is none. Pass a Blob or File, or an AudioBuffer.');
  if (audio.size > MOST_BYTES) throw badInput(`The sound's file has ${audio.size} bytes. Pass one of at most ${MOST_BYTES}.`);
  if (typeof OfflineAudioContext === 'undefined') throw badInput('This browser decodes no sounds. Pass an AudioBuffer.');
  const beginning = await (await beginningOf(audio, seconds)).arrayBuffer();
  let buffer;
  try {
    buffer = await new OfflineAudioContext(1, 1, rate).decodeAudioData(beginning);
  } catch {
    throw refused();
  }
  return mono(buffer, seconds);
}

/** The mean of the channels. */
function mono(buffer, seconds) {
  const count = Math.min(buffer.length, Math.ceil(seconds * buffer.sampleRate));
  if (count === 0) throw badInput('The sound holds no samples. Pass one that lasts.');
  const mixed = buffer.getChannelData(0).slice(0, count);
  for (let channel = 1; channel < buffer.numberOfChannels; channel += 1) {
    const samples = buffer.getChannelData(channel);
    for (let at = 0; at < count; at += 1) mixed[at] += samples[at];
  }
  if (buffer.numberOfChannels > 1) for (let at = 0; at < count; at += 1) mixed[at] /= buffer.numberOfChannels;
  return { rate: buffer.sampleRate, samples: mixed };
}

/** As much of a file as its first `seconds` take. */
async function beginningOf(blob, seconds) {
  const head = await read(blob, 0, HEAD);
  const word = (at) => String.fromCharCode(...new Uint8Array(head.buffer, at, Math.min(4, head.byteLength - at)));
  if (head.byteLength < 12) throw refused();
  const compressed = Math.ceil(seconds * DENSE) + HEADERS;
  if (word(0) === 'RIFF' && word(8) === 'WAVE') return beginningOfWav(blob, head, seconds);
  if (word(0) === 'fLaC') return beginningOfFlac(blob, head, seconds);
  if (word(4) === 'ftyp') return wholeMp4(blob);
  if (word(0) === 'OggS' || head.getUint32(0) === 0x1a45dfa3) return blob.slice(0, compressed);
  // A tag may hold a picture of megabytes: it is skipped. Its size has seven bits a byte.
  const size = [6, 7, 8, 9].reduce((size, at) => size * 128 + (head.getUint8(at) & 127), 0);
  const start = word(0).startsWith('ID3') ? 10 + size : 0;
  const frame = start + 2 <= blob.size ? await read(blob, start, start + 2) : null;
  if (start > 0 || (frame.getUint16(0) & 0xffe0) === 0xffe0) return blob.slice(start, start + compressed);
  if (blob.size > MOST_WHOLE) throw badInput(`The sound's file has ${blob.size} bytes of a kind that is not known. Pass a WAV, MP3, FLAC, Ogg or WebM file, or a smaller one.`);
  return blob;
}

/** A WAV's head with the sizes that are left. */
async function beginningOfWav(blob, head, seconds) {
  let perSecond = 0;
  let block = 1;
  for (let at = 12; at + 8 <= head.byteLength;) {
    const kind = head.getUint32(at);
    const size = head.getUint32(at + 4, true);
    if (kind === 0x666d7420 && at + 24 <= head.byteLength) { // "fmt "
      perSecond = head.getUint32(at + 16, true);
      block = Math.max(1, head.getUint16(at + 20, true));
    }
    if (kind === 0x64617461 && perSecond > 0) { // "data"
      const wanted = Math.min(size, blob.size - at - 8, Math.ceil(seconds * perSecond));
      const kept = wanted - (wanted % block);
      if (kept <= 0) throw badInput('The sound holds no samples. Pass one that lasts.');
      const front = new Uint8Array(head.buffer.slice(0, at + 8));
      const sizes = new DataView(front.buffer);
      sizes.setUint32(4, at + kept, true);
      sizes.setUint32(at + 4, kept, true);
      return new Blob([front, blob.slice(at + 8, at + 8 + kept)]);
    }
    at += 8 + size + (size % 2);
  }
  // What stands before the samples is long, or nothing is right: small files are left to the browser.
  if (blob.size > MOST_WHOLE) throw refused();
  return blob;
}

/** A FLAC without its tags and pictures, and as many frames as uncompressed ones would take. */
async function beginningOfFlac(blob, head, seconds) {
  const rate = (head.getUint32(18) >>> 12) || 44_100;
  const channels = ((head.getUint8(20) >>> 1) & 7) + 1;
  const bits = (((head.getUint8(20) & 1) << 4) | (head.getUint8(21) >>> 4)) + 1;
  let at = 4;
  for (let blocks = 0; blocks < 128 && at + 4 <= blob.size; blocks += 1) {
    const block = (await read(blob, at, at + 4)).getUint32(0);
    at += 4 + (block & 0xffffff);
    if (block >>> 31) break;
  }
  const info = new Uint8Array(head.buffer.slice(0, 42));
  info[4] |= 0x80;
  return new Blob([info, blob.slice(at, at + Math.ceil(seconds * rate * channels * (bits / 8)) + HEADERS)]);
}

/** An MP4, whose index may stand at its end: whole, where it is short. */
async function wholeMp4(blob) {
  for (let at = 0, boxes = 0; at + 16 <= blob.size && boxes < 64; boxes += 1) {
    const box = await read(blob, at, at + 16);
    const [size, kind] = [box.getUint32(0), box.getUint32(4)];
    const whole = size === 1 ? Number(box.getBigUint64(8)) : size === 0 ? blob.size - at : size;
    if (whole < 8) break;
    if (kind === 0x6d6f6f76) { // "moov", in which "mvhd" comes first
      const header = await read(blob, at + 8, at + 48);
      if (header.byteLength === 40 && header.getUint32(4) === 0x6d766864) {
        const long = header.getUint8(8) === 1;
        const scale = header.getUint32(long ? 28 : 20);
        const duration = long ? Number(header.getBigUint64(32)) : header.getUint32(24);
        if (scale > 0 && duration / scale > MOST_SECONDS) {
          throw badInput(`The sound lasts ${Math.round(duration / scale / 60)} minutes, and an MP4 is decoded whole. Pass one of at most ${MOST_SECONDS / 60}, or an MP3, Ogg, FLAC or WAV file.`);
        }
        if (scale > 0 && duration > 0 && blob.size <= 16 * MOST_WHOLE) return blob;
      }
      break;
    }
    at += whole;
  }
  if (blob.size > MOST_WHOLE) throw badInput(`The sound's file has ${blob.size} bytes, and an MP4 is decoded whole. Pass one of at most ${MOST_WHOLE}, or an MP3, Ogg, FLAC or WAV file.`);
  return blob;
}

async function read(blob, from, to) {
  return new DataView(await blob.slice(from, to).arrayBuffer());
}
