//! Pictures in: whatever a page has, decoded by the browser to pixels of a bounded number.
//!
//! The page's half makes what it was passed fit to cross to the worker; the worker's half decodes, upright as EXIF says, over
//! white where it is transparent, and large photographs already smaller while they are decoded.

import { PalateError, badInput } from './errors.js';

/** Most pixels that are handed on; what has more is scaled down. No model looks at a picture of more than a tenth of that. */
const MOST = 4_000_000;
/** Most pixels that are decoded at all, and largest file in bytes. */
const MOST_DECODED = 100_000_000;
const MOST_BYTES = 256 << 20;
/** How much of a file is searched for its size. */
const HEAD = 512 << 10;

const notOne = () => badInput('An image is none. Pass a Blob or File, an ImageBitmap, ImageData, or an element that shows a picture.');

/** The page's half: a picture as a message can carry it. */
export async function portable(image) {
  if (image instanceof Blob || image instanceof ImageData || image instanceof ImageBitmap) return image;
  if (image === null || typeof image !== 'object') throw notOne();
  try {
    return await createImageBitmap(image);
  } catch (error) {
    if (error instanceof TypeError) throw notOne();
    if (error.name === 'SecurityError') throw badInput('The picture comes from another origin, which does not let pages read it. Fetch it with CORS and pass the Blob.');
    throw badInput('The element shows no picture yet. Wait until it is loaded, and pass it then.');
  }
}

/** The worker's half: `{ width, height, data }`, RGBA bytes line by line, opaque. */
export async function pixels(image) {
  // Frames of a film, which the page has drawn.
  if (image.data instanceof Uint8Array) return image;
  if (image instanceof ImageData && image.width * image.height <= MOST) return image;
  if (image instanceof Blob) return decoded(image);
  return drawn(image instanceof ImageBitmap ? image : await createImageBitmap(image));
}

async function decoded(blob) {
  if (blob.size > MOST_BYTES) throw badInput(`The picture's file has ${blob.size} bytes. Pass one of at most ${MOST_BYTES}.`);
  const head = new Uint8Array(await blob.slice(0, HEAD).arrayBuffer());
  if (/svg/i.test(blob.type) || /^[\s\ufeff]*(<\?xml|<!--|<!doctype svg|<svg)/i.test(new TextDecoder().decode(head.subarray(0, 256)))) {
    throw badInput('The picture is an SVG drawing, which may hold scripts and is not opened. Draw it on a canvas and pass the canvas.');
  }
  const size = sizeOf(head);
  if (size && size.width * size.height > MOST_DECODED) {
    throw badInput(`The picture has ${size.width} x ${size.height} pixels. Pass one of at most ${MOST_DECODED}.`);
  }
  let options;
  if (size && size.width * size.height > MOST) {
    const scale = Math.sqrt(MOST / (size.width * size.height));
    const [width, height] = [size.width, size.height].map((side) => Math.max(1, Math.round(side * scale)));
    options = { resizeQuality: 'high', resizeWidth: size.turned ? height : width, resizeHeight: size.turned ? width : height };
  }
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob, options);
  } catch {
    throw badInput('The picture could not be decoded. Pass a JPEG, PNG, WebP, GIF or other file that this browser shows.');
  }
  return drawn(bitmap);
}

/** A bitmap's pixels over white; the bitmap is closed. */
function drawn(bitmap) {
  const scale = Math.min(1, Math.sqrt(MOST / (bitmap.width * bitmap.height)));
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
  try {
    const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
    context.fillStyle = 'white';
    context.fillRect(0, 0, width, height);
    context.imageSmoothingQuality = 'high';
    context.drawImage(bitmap, 0, 0, width, height);
    return context.getImageData(0, 0, width, height);
  } catch (error) {
    throw new PalateError('device', `The browser could not draw a picture of ${width} x ${height} pixels in a worker (${error.name}). Pass a smaller one, or its ImageData.`);
  } finally {
    bitmap.close();
  }
}

/**
 * `{ width, height, turned }` as the head of a JPEG, PNG, GIF, WebP or BMP file says, `null` for other files; `turned` where
 * EXIF lays a JPEG on its side. Only the bound on memory depends on it: the browser decodes.
 */
export function sizeOf(bytes) {
  if (bytes.length < 30) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = String.fromCharCode(...bytes.subarray(0, 4));
  const kind = String.fromCharCode(...bytes.subarray(8, 16));
  const upright = (width, height) => ({ width, height, turned: false });
  if (word === '\u0089PNG') return upright(view.getUint32(16), view.getUint32(20));
  if (word === 'GIF8') return upright(view.getUint16(6, true), view.getUint16(8, true));
  if (word.startsWith('BM')) return upright(Math.abs(view.getInt32(18, true)), Math.abs(view.getInt32(22, true)));
  if (word === 'RIFF' && kind === 'WEBPVP8X') return upright(1 + (view.getUint32(24, true) & 0xffffff), 1 + (view.getUint32(26, true) >>> 8));
  if (word === 'RIFF' && kind === 'WEBPVP8L') return upright(1 + (view.getUint16(21, true) & 0x3fff), 1 + ((view.getUint32(22, true) >>> 6) & 0x3fff));
  if (word === 'RIFF' && kind === 'WEBPVP8 ') return upright(view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff);
  return view.getUint16(0) === 0xffd8 ? sizeOfJpeg(view) : null;
}

function sizeOfJpeg(view) {
  let turned = false;
  for (let at = 2; at + 10 <= view.byteLength && view.getUint8(at) === 0xff;) {
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) { at += 1; continue; }
    // Frames: C0 to CF, but for tables and the like.
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      return { width: view.getUint16(at + 7), height: view.getUint16(at + 5), turned };
    }
    const end = at + 2 + view.getUint16(at + 2);
    if (marker === 0xe1 && end <= view.byteLength) turned ||= liesOnItsSide(view, at + 4, end);
    at = end;
  }
  return null;
}

/** Whether the EXIF segment from `at` to `end` has an orientation of 5 to 8. */
function liesOnItsSide(view, at, end) {
  if (end - at < 14 || view.getUint32(at) !== 0x45786966) return false;
  const tiff = at + 6;
  const little = view.getUint16(tiff) === 0x4949;
  const first = tiff + view.getUint32(tiff + 4, little);
  if (first + 2 > end) return false;
  for (let entry = first + 2, left = view.getUint16(first, little); left > 0 && entry + 12 <= end; entry += 12, left -= 1) {
    if (view.getUint16(entry, little) === 0x0112) return view.getUint16(entry + 8, little) >= 5;
  }
  return false;
}
