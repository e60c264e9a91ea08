//! Writes small indexes whose right answers are known, with a writer of its own: what the crate reads is the documented
//! format, not just whatever the crate writes.
//!
//! Items lie near one axis per topic, keys are `boots-0`, `tea-1` and so on.

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const TOPICS = ['boots', 'tea', 'films', 'lamps'];
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** A small seeded generator (mulberry32), uniform in 0..1. */
export function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const mask = (1n << 64n) - 1n;

/** FNV-1a and MurmurHash3's finalizer. */
function keyHash(key) {
  let h = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(key)) h = ((h ^ BigInt(byte)) * 0x100000001b3n) & mask;
  h = ((h ^ (h >> 33n)) * 0xff51afd7ed558ccdn) & mask;
  h = ((h ^ (h >> 33n)) * 0xc4ceb9fe1a85ec53n) & mask;
  return h ^ (h >> 33n);
}

/** The high bits deal keys to buckets. */
const bucketOf = (key, buckets) => (buckets === 1 ? 0 : Number(keyHash(key) >> BigInt(64 - Math.log2(buckets))));

/** Ties a ranker to the keys in the order of their ordinals. */
export const keysHash = (keys) => keys.reduce((h, key) => ((((h << 5n) | (h >> 59n)) & mask) ^ keyHash(key)) * 0x9e3779b97f4a7c15n & mask, 0n);

/** The bytes of a safetensors file: `tensors` is `[[name, dtype, shape, bytes], ...]`. */
export function safetensors(tensors, metadata) {
  const header = { __metadata__: metadata };
  let at = 0;
  for (const [name, dtype, shape, bytes] of tensors) {
    header[name] = { dtype, shape, data_offsets: [at, at + bytes.length] };
    at += bytes.length;
  }
  let text = JSON.stringify(header);
  text += ' '.repeat((8 - (Buffer.byteLength(text) % 8)) % 8);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(text)));
  return Buffer.concat([length, Buffer.from(text), ...tensors.map(([, , , bytes]) => bytes)]);
}

function texts(name, values) {
  const parts = values.map((value) => Buffer.from(value));
  const offsets = new Uint32Array(values.length + 1);
  parts.forEach((part, at) => { offsets[at + 1] = offsets[at] + part.length; });
  return [[`${name}.bytes`, 'U8', [offsets.at(-1)], Buffer.concat(parts)], [`${name}.offsets`, 'U32', [offsets.length], Buffer.from(offsets.buffer)]];
}

function vector(topic, n, dim) {
  const uniform = random(topic * 100_003 + n);
  const values = Float64Array.from({ length: dim }, () => (uniform() - 0.5) * (8 / dim));
  values[topic] += 1;
  const most = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return Int8Array.from(values, (value) => Math.round((127 * value) / most));
}

function shard(items, model, dim, bucket, buckets) {
  items.sort((a, b) => (a.key < b.key ? -1 : 1));
  const rows = items.map(({ topic, n }) => vector(topic, n, dim));
  const scales = Float32Array.from(rows, (row) => 1 / Math.sqrt(row.reduce((sum, q) => sum + q * q, 0)));
  const tensors = [
    ['vectors', 'I8', [items.length, dim], Buffer.concat(rows.map((row) => Buffer.from(row.buffer)))],
    ['scales', 'F32', [items.length], Buffer.from(scales.buffer)],
    ['hashes', 'U32', [items.length, 2], Buffer.alloc(8 * items.length)],
    ...texts('keys', items.map(({ key }) => key)),
    ...texts('meta.title', items.map(({ title }) => JSON.stringify(title))),
    ...texts('meta.topic', items.map(({ topic }) => JSON.stringify(TOPICS[topic]))),
    ['meta.price.numbers', 'F64', [items.length], Buffer.from(Float64Array.from(items, ({ n }) => n).buffer)],
  ];
  // F64 first, as its bytes must be aligned.
  tensors.sort((a, b) => 'F64 F32 U32 I8 U8'.indexOf(a[1]) - 'F64 F32 U32 I8 U8'.indexOf(b[1]));
  return safetensors(tensors, { format: 'palate-shard', version: '1', kind: 'items', bucket: `${bucket}`, buckets: `${buckets}`, model: model.name, 'model.sha256': model.sha256 });
}

/** A ranker of version 1 with one linear term: who met `from` goes on to `to`, for each of `pairs`; `popular` were met by all nine people. */
function ranker(keys, pairs, popular) {
  const rows = keys.map((key) => pairs.filter(([from]) => from === key).map(([, to]) => keys.indexOf(to)).sort((a, b) => a - b));
  const columns = rows.flat();
  const floats = (values) => Buffer.from(Float32Array.from(values).buffer);
  const words = (values) => Buffer.from(Uint32Array.from(values).buffer);
  const offsets = [0];
  for (const row of rows) offsets.push(offsets.at(-1) + row.length);
  const tensors = [
    ['popularity', 'U32', [keys.length], words(keys.map((key) => (popular.includes(key) ? 9 : 1)))],
    ['gains', 'F32', [1], floats([1])],
    ['taus', 'F32', [1], floats([0])],
    ['transitions.offsets', 'U32', [offsets.length], words(offsets)],
    ['transitions.scales', 'F32', [keys.length], floats(keys.map(() => 0.1))],
    ['transitions.base', 'F32', [0], Buffer.alloc(0)],
    ['transitions.columns', 'U8', [columns.length, 2], Buffer.from(Uint16Array.from(columns).buffer)],
    ['transitions.values', 'I8', [columns.length], Buffer.from(Int8Array.from(columns, () => 100).buffer)],
  ];
  const hash = keysHash(keys).toString(16).padStart(16, '0');
  return safetensors(tensors, { format: 'palate-shard', version: '1', kind: 'ranker', users: '9', keys: hash, scale: 'raw', unit: '1', terms: 'transitions:rows' });
}

/** Rows' columns, ascending, as a ranker of version 2 stores them; `upper`: those above the diagonal alone. */
export function gapBytes(rows, upper) {
  const bytes = [];
  const put = (number) => {
    if (number < 224) bytes.push(number);
    else if (number < 8160) bytes.push(224 + Math.floor((number - 224) / 256), (number - 224) % 256);
    else bytes.push(255, number & 255, (number >> 8) & 255, number >> 16);
  };
  rows.forEach((columns, row) => {
    put(columns.length);
    let next = upper ? row + 1 : 0;
    for (const column of columns) {
      put(column - next);
      next = column + 1;
    }
  });
  return Buffer.from(bytes);
}

/** A ranker of version 2 with one symmetric term: who met one of each pair of `beside` likes the other, twice as much where it has an odd ordinal. */
function symmetric(keys, beside) {
  const uppers = keys.map(() => []);
  for (const [a, b] of beside.map((pair) => pair.map((key) => keys.indexOf(key)).sort((a, b) => a - b))) uppers[a].push(b);
  const gaps = gapBytes(uppers.map((columns) => columns.sort((a, b) => a - b)), true);
  const floats = (values) => Buffer.from(Float32Array.from(values).buffer);
  const tensors = [
    ['popularity', 'U32', [keys.length], Buffer.from(Uint32Array.from(keys, () => 1).buffer)],
    ['gains', 'F32', [1], floats([1])],
    ['taus', 'F32', [1], floats([0])],
    ['ease.scales', 'F32', [keys.length], floats(keys.map(() => 0.1))],
    ['ease.heights', 'F32', [keys.length], floats(keys.map((_, at) => 1 + (at % 2)))],
    ['ease.gaps', 'U8', [gaps.length], gaps],
    ['ease.values', 'I8', [beside.length], Buffer.from(Int8Array.from(beside, () => 100).buffer)],
  ];
  const hash = keysHash(keys).toString(16).padStart(16, '0');
  return safetensors(tensors, { format: 'palate-shard', version: '2', kind: 'ranker', users: '9', keys: hash, scale: 'raw', unit: '10', terms: 'ease:pairs' });
}

/** The model that the indexes of this file claim to be made with, where nothing else is said. */
const NO_MODEL = { name: 'none', sha256: sha256('no such model') };

/**
 * `{ manifest, files }` of an index with `perTopic` items of each topic: the manifest as an object, files by name.
 * `edition` changes the title of each topic's item 0; `prefix` stands before every key; `pairs` and `popular` make a ranker, or
 * `beside`; or `trained(keys)` gives its bytes.
 */
export function makeIndex({ perTopic = 25, dim = 32, buckets = 1, model = NO_MODEL, edition = 0, prefix = '', file, pairs, popular = [], beside, trained } = {}) {
  const dealt = Array.from({ length: buckets }, () => []);
  TOPICS.forEach((name, topic) => {
    for (let n = 0; n < perTopic; n += 1) {
      const key = `${prefix}${name}-${n}`;
      dealt[bucketOf(key, buckets)].push({ key, topic, n, title: n === 0 ? `${name} ${n}, edition ${edition}` : `${name} ${n}` });
    }
  });
  const files = {};
  const shards = [];
  const add = (kind, bytes, items) => {
    const hash = sha256(bytes);
    const name = `${kind}-${hash.slice(0, 16)}.safetensors`;
    files[name] = bytes;
    shards.push({ kind, file: name, sha256: hash, bytes: bytes.length, items });
  };
  dealt.forEach((items, bucket) => {
    if (items.length > 0) add('items', shard(items, model, dim, bucket, buckets), items.length);
  });
  // `shard` has sorted each bucket's items: this is the order of the ordinals.
  const keys = () => dealt.flat().map(({ key }) => key);
  if (pairs) add('ranker', ranker(keys(), pairs, popular), 4 * perTopic);
  if (beside) add('ranker', symmetric(keys(), beside), 4 * perTopic);
  if (trained) add('ranker', trained(keys()), 4 * perTopic);
  const manifest = { format: 'palate-index', version: 1, items: 4 * perTopic, models: { text: { ...model, dim, ...(file ? { file } : {}) } }, shards, fields: {} };
  return { manifest, files };
}

/** Writes an index to `folder`, in place of what is there. */
export function writeIndex(folder, options) {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) rmSync(join(folder, name));
  const { manifest, files } = makeIndex(options);
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
  return { manifest, files };
}
