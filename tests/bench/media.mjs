//! CLIP ViT-B/32 (pictures, texts) and MobileNetV2 against onnxruntime-web in the same Chromium, one thread, the same seeded weights.
//!
//!     node tests/bench/media.mjs [--json FILE] [--rounds N] [--device webgpu] [--only clip_image,clip_text,mobilenet_v2]
//!
//! Ours is the package as a customer calls it, from pixels or words to the vector: message to the worker, preparation, tokens. The
//! peer's is `session.run` alone, on tensors made beforehand: what transformers.js adds to it is left out, in the peer's favor.
//! Each round goes through all contenders, begun one further each time. Ratios are the peer's median over ours, against the faster
//! of the peer's q8 and fp32 too. The peer's files are made by `media_peer.py`; the bars are the issue's.

import { existsSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { serve } from '../../www/build/serve.mjs';
import { MOUNTS } from '../../www/build/site.mjs';
import { at, cache, PALATE } from '../../www/build/root.mjs';
import { fail, line, step } from '../../www/build/report.mjs';
import { environment } from '../../www/build/python.mjs';
import { palateCommand } from '../../www/build/native.mjs';
import { peerPackages } from '../../www/build/npm.mjs';
import { run } from '../../www/build/run.mjs';
import { wasmModules } from '../../www/build/wasm.mjs';
import { launch, NO_CHROMIUM } from '../browser/browser.mjs';
import { keep, option, quantiles } from './report.mjs';

const device = option('--device', 'wasm');
const slow = device === 'webgpu';
const folder = cache('peer', 'media');
/** The bars: times faster than q8 (on a processor), than the faster one (WebGPU). */
const WORK = {
  clip_image: { about: 'CLIP ViT-B/32, a picture', pack: ['clip', 'image'], mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711], repeats: 4, bar: 2 },
  clip_text: { about: 'CLIP ViT-B/32, a text of 28 tokens', pack: ['clip', 'text'], repeats: 12, bar: 3 },
  clip_texts: { about: 'CLIP ViT-B/32, 32 texts', model: 'clip_text', pack: ['clip', 'text'], repeats: 1, bar: 3 },
  mobilenet_v2: { about: 'MobileNetV2, a picture', pack: ['mobilenet_v2'], mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], repeats: 12, bar: 1 },
};

async function main() {
  const names = option('--only', Object.keys(WORK).join(',')).split(',');
  await palateCommand();
  const modules = await peerPackages();
  await wasmModules();
  if (!existsSync(join(folder, 'mobilenet_v2_q8.onnx'))) {
    const python = await environment('bench-media', ['numpy', 'torch', 'transformers', 'onnx', 'onnxruntime']);
    await step("the peer's models", () => run(python, [at('tests', 'bench', 'media_peer.py'), at('tests', 'bench', 'texts.json'), folder]));
  }
  for (const [source, tower] of Object.values(WORK).map(({ pack }) => pack)) {
    const out = join(folder, 'packs', [source, tower].filter(Boolean).join('_'));
    if (!existsSync(out)) await run(PALATE, ['model', 'add', join(folder, source), '--out', out, ...(tower ? ['--tower', tower] : [])]);
  }
  const browser = await launch();
  if (!browser) throw new Error(NO_CHROMIUM);
  const mounts = [...MOUNTS, ['/t/', at('tests', 'browser', 'pages')], ['/media/', folder], ['/texts/', at('tests', 'bench')], ['/peer/ort/', join(modules, 'onnxruntime-web', 'dist')]];
  const server = await serve({ mounts, csp: false });
  try {
    const results = {};
    for (const name of names) results[name] = await compare(browser, server, name);
    const report = { machine: { cpu: cpus()[0].model, cores: cpus().length, chromium: browser.version(), load: loadavg() }, device, date: new Date().toISOString().slice(0, 10), results };
    if (option('--json')) keep(option('--json'), report);
  } finally {
    await browser.close();
    await server.kill();
  }
}

async function compare(browser, server, name) {
  const { about, model = name, pack, mean, std, repeats, bar } = WORK[name];
  const contenders = { palate: null, q8: `${model}_q8.onnx`, fp32: `${model}.onnx` };
  const pages = {};
  for (const [who, file] of Object.entries(contenders)) {
    const page = await (await browser.newContext()).newPage();
    await page.goto(`${server.url}/t/blank.html`);
    await page.evaluate(file ? openPeer : openOurs, { file, name, device, model: pack.filter(Boolean).join('_'), mean, std });
    pages[who] = page;
  }
  const vectors = {};
  for (const [who, page] of Object.entries(pages)) vectors[who] = await page.evaluate(async () => [...await globalThis.once()]);
  const times = Object.fromEntries(Object.keys(pages).map((who) => [who, []]));
  const order = Object.keys(pages);
  const rounds = Number(option('--rounds', slow ? 2 : 5));
  for (let round = 0; round < rounds; round += 1) {
    for (let i = 0; i < order.length; i += 1) {
      const who = order[(i + round) % order.length];
      await pages[who].bringToFront();
      times[who].push(...await pages[who].evaluate(async (n) => {
        const out = [];
        for (let i = 0; i < n; i += 1) {
          const start = performance.now();
          await globalThis.once();
          out.push(performance.now() - start);
        }
        return out;
      }, slow ? 1 : repeats));
    }
  }
  for (const page of Object.values(pages)) await page.context().close();
  const ms = Object.fromEntries(Object.entries(times).map(([who, all]) => [who, quantiles(all, 'runs')]));
  const dot = (a, b) => a.reduce((sum, v, i) => sum + v * b[i], 0);
  const cosine = (a, b) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  const ratio = (who) => Number((ms[who].median / ms.palate.median).toFixed(2));
  const against = device === 'webgpu' ? Math.min(ratio('q8'), ratio('fp32')) : ratio('q8');
  const wanted = device === 'webgpu' ? 5 : bar;
  const result = {
    about, ms, ratio_q8: ratio('q8'), ratio_fp32: ratio('fp32'), bar: wanted, reached: against >= wanted,
    cosine: { 'palate fp32': Number(cosine(vectors.palate, vectors.fp32).toFixed(5)), 'q8 fp32': Number(cosine(vectors.q8, vectors.fp32).toFixed(5)) },
  };
  line(`${about.padEnd(36)} palate ${ms.palate.median} ms, q8 ${ms.q8.median} ms (${result.ratio_q8}x), fp32 ${ms.fp32.median} ms (${result.ratio_fp32}x), bar ${wanted}; cosine to fp32: ${result.cosine['palate fp32']}, the peer's q8 ${result.cosine['q8 fp32']}`);
  return result;
}

/** Opens ours: `once` gives the first vector. Pixels are seeded, 224 x 224, and the same in both. */
async function openOurs({ name, device, model }) {
  const { Encoder } = await import('/lib/index.js');
  const encoder = await Encoder.open({ model: `/media/packs/${model}/`, device, store: 'memory' });
  const texts = await (await fetch('/texts/texts.json')).json();
  const inputs = name === 'clip_text' ? [{ text: texts.one }] : name === 'clip_texts' ? texts.batch.map((text) => ({ text })) : null;
  const pixels = new ImageData(224, 224);
  for (let i = 0, seed = 1; i < pixels.data.length; i += 1) {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    pixels.data[i] = i % 4 === 3 ? 255 : 128 + 100 * Math.sin(i / 97) + (seed >> 16) % 27;
  }
  globalThis.once = async () => (await encoder.encode(inputs ?? [{ image: pixels }]))[0];
  await globalThis.once();
}

async function openPeer({ file, name, device, mean, std }) {
  const ort = await import(device === 'webgpu' ? '/peer/ort/ort.webgpu.min.mjs' : '/peer/ort/ort.wasm.min.mjs');
  ort.env.wasm.wasmPaths = '/peer/ort/';
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(`/media/${file}`, { executionProviders: [device] });
  let x;
  if (mean) {
    const data = new Float32Array(3 * 224 * 224);
    for (let i = 0, seed = 1; i < 224 * 224 * 4; i += 1) {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      const value = new Uint8ClampedArray([128 + 100 * Math.sin(i / 97) + (seed >> 16) % 27])[0];
      const channel = i % 4;
      if (channel < 3) data[channel * 224 * 224 + (i >> 2)] = (value / 255 - mean[channel]) / std[channel];
    }
    x = new ort.Tensor('float32', data, [1, 3, 224, 224]);
  } else {
    const ids = (await (await fetch('/media/ids.json')).json())[name === 'clip_text' ? 'one' : 'batch'];
    x = new ort.Tensor('int64', BigInt64Array.from(ids.flat().map(BigInt)), [ids.length, ids[0].length]);
  }
  globalThis.once = async () => {
    const { y } = await session.run({ x });
    const all = y.location === 'cpu' ? y.data : await y.getData();
    return all.slice(0, y.dims.at(-1));
  };
  await globalThis.once();
}

main().catch(fail);
