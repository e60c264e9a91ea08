//! Sounds, a small audio model and an index of them for tests, made with the publisher's own command.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { at, PALATE } from '../../www/build/root.mjs';
import { writeCheckpoint } from './pictures.mjs';

/** A WAV of 16-bit samples: `sample(time in s, channel)`. */
export function wav(rate, channels, seconds, sample) {
  const count = Math.round(rate * seconds);
  const bytes = Buffer.alloc(44 + count * channels * 2);
  bytes.write('RIFF', 0);
  bytes.writeUInt32LE(bytes.length - 8, 4);
  bytes.write('WAVEfmt ', 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(channels, 22);
  bytes.writeUInt32LE(rate, 24);
  bytes.writeUInt32LE(rate * channels * 2, 28);
  bytes.writeUInt16LE(channels * 2, 32);
  bytes.writeUInt16LE(16, 34);
  bytes.write('data', 36);
  bytes.writeUInt32LE(bytes.length - 44, 40);
  for (let n = 0; n < count; n += 1) {
    for (let c = 0; c < channels; c += 1) bytes.writeInt16LE(Math.round(Math.max(-1, Math.min(1, sample(n / rate, c))) * 32767), 44 + (n * channels + c) * 2);
  }
  return bytes;
}

/**
 * One frame of an MP3 (MPEG-1 Layer III, 32 kbit/s, 44.1 kHz, mono, 104 bytes, 1152 samples), as in tests/catalogs/sounds.rs: both
 * granules sound the two spectral lines at `pair`.
 */
export function mp3Frame(pair) {
  const bytes = (fields) => {
    const bits = fields.map(([value, count]) => value.toString(2).padStart(count, '0')).join('');
    return (bits.match(/.{1,8}/g) ?? []).map((byte) => parseInt(byte.padEnd(8, '0'), 2));
  };
  const granule = [[pair + 5, 12], [pair + 1, 9], [194, 8], [0, 5], [1, 5], [1, 5], [1, 5], [0, 10]];
  const lines = [...Array(pair).fill([1, 1]), [0, 5]];
  const frame = Buffer.alloc(104);
  frame.set([0xff, 0xfb, 0x10, 0xc0, ...bytes([[0, 18], ...granule, ...granule]), ...bytes([...lines, ...lines])]);
  return frame;
}

const wave = (t, f) => 0.4 * Math.sin(2 * Math.PI * f * t) + 0.2 * Math.sin(2 * Math.PI * 3.1 * f * t) * Math.sin(9 * t);

/** The files of the items. */
export const FILES = {
  'low.wav': wav(16_000, 1, 1.1, (t) => wave(t, 180)),
  'high.wav': wav(44_100, 2, 1.1, (t, c) => wave(t, 1300) * (c ? 0.6 : 1)),
  'tone.mp3': Buffer.concat(Array(60).fill(mp3Frame(20))),
};

/** A folder with `index/`, `ear/` (the pack) and the files, removed after the tests. Resolves to it and to what the command says of them. */
export function soundShop(after) {
  const root = mkdtempSync(join(tmpdir(), 'palate-sounds-'));
  after(() => rmSync(root, { recursive: true, force: true }));
  const run = (...args) => execFileSync(PALATE, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  writeCheckpoint(join(root, 'checkpoint'), 'ast');
  run('model', 'add', 'checkpoint', '--name', 'ear', '--out', 'ear');
  const items = Object.entries(FILES).map(([file, bytes]) => {
    writeFileSync(join(root, file), bytes);
    return JSON.stringify({ id: file.split('.')[0], title: `a ${file.split('.')[0]} sound`, audio: file });
  });
  items.push(JSON.stringify({ id: 'mute', title: 'an item without a sound' }));
  writeFileSync(join(root, 'items.jsonl'), items.join('\n'));
  run('build', '--items', 'items.jsonl', '--text-model', at('models', 'minilm', 'pack'), '--audio-model', 'ear', '--out', 'index');
  const files = Object.keys(FILES).flatMap((file) => ['--audio', file]);
  const lines = run('encode', '--model', 'ear', ...files, '--json').trim().split('\n').map((line) => JSON.parse(line));
  return { root, vectors: lines.map(({ embedding }) => embedding) };
}
