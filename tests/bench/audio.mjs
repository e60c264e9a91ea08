//! How long YAMNet takes in Chromium for a second of sound: its real weights in int8, from the TFLite file of the shared data.
//!
//!     node tests/bench/audio.mjs [--json FILE] [--rounds N]
//!
//! Times are the page's own: decoding, the spectrogram, the model, message to the worker and back. Records: `tests/bench/record/`.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { at, PALATE } from '../../www/build/root.mjs';
import { startShop } from '../browser/shop.mjs';
import { wav } from '../browser/sounds.mjs';
import { keep, option } from './report.mjs';

const rounds = Number(option('--rounds', 9));
const SECONDS = [1, 5, 30];

const weights = join(process.env.PALATE_SHARED ?? at('..', 'shared'), 'data', 'weights', 'yamnet', 'yamnet_spectra_in.tflite');
if (!existsSync(weights)) {
  console.log(`skipped: ${weights} is not there`);
  process.exit(0);
}
const endings = [];
const root = mkdtempSync(join(tmpdir(), 'palate-audio-bench-'));
const run = (command, ...args) => execFileSync(command, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
run(process.env.PYTHON ?? 'python3', at('tests', 'reference', 'tflite_checkpoint.py'), weights, 'yamnet');
const pack = JSON.parse(run(PALATE, 'model', 'add', 'yamnet', '--out', 'ear', '--json'));
const site = await startShop((end) => endings.push(end), { mounts: [['/sounds/', root]] });
const load = loadavg().map((n) => Number(n.toFixed(2)));
for (const seconds of SECONDS) writeFileSync(join(root, `${seconds}.wav`), wav(16_000, 1, seconds, (t) => 0.4 * Math.sin(900 * t + 30 * Math.sin(5 * t))));
const page = await site.blank();
const found = await page.evaluate(async ({ lengths, rounds }) => {
  const { Encoder } = await library();
  const start = performance.now();
  const encoder = await Encoder.open({ model: '/sounds/ear/', store: 'memory' });
  const openMs = performance.now() - start;
  const out = { openMs, module: encoder.report().module, kernels: encoder.report().kernels, ms: {} };
  for (const seconds of lengths) {
    const audio = await (await fetch(`/sounds/${seconds}.wav`)).blob();
    const times = [];
    for (let round = 0; round < rounds + 2; round += 1) {
      const before = performance.now();
      await encoder.encode([{ audio }]);
      if (round >= 2) times.push(performance.now() - before);
    }
    times.sort((a, b) => a - b);
    out.ms[seconds] = { median: times[times.length >> 1], min: times[0], max: times.at(-1), perSecond: times[times.length >> 1] / seconds };
  }
  return out;
}, { lengths: SECONDS, rounds });
const short = (value) => JSON.parse(JSON.stringify(value, (_, v) => (typeof v === 'number' ? Math.round(v * 100) / 100 : v)));
const record = { machine: { cpu: cpus()[0].model, cores: cpus().length, chromium: page.context().browser()?.version(), load, loadAfter: loadavg() }, model: { architecture: pack.architecture, bytes: pack.bytes, dim: pack.dim }, rounds, ...found };
console.log(JSON.stringify(short(record), null, 1));
if (option('--json')) keep(option('--json'), short(record));
await page.context().close();
for (const end of endings.reverse()) await end();
rmSync(root, { recursive: true, force: true });
