//! `npm run bench`: our text encoder against transformers.js in the same Chromium, all files from one local server.
//!
//! Every contender gets its own page; rounds are interleaved, so that a slow minute of the machine hits all alike.
//! Options: `--json FILE` writes the figures, `--rounds N` (default 5), `--only NAME[,NAME]`, `--cold N` (default 3).
//! Recorded runs and how they were made: `tests/bench/record/`.

import { existsSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { at, PKG } from '../../www/build/root.mjs';
import { fail, line, step } from '../../www/build/report.mjs';
import { npmPackages } from '../../www/build/npm.mjs';
import { capture } from '../../www/build/run.mjs';
import { keep } from './report.mjs';

const texts = JSON.parse(readFileSync(new URL('./texts.json', import.meta.url), 'utf8'));
/** Runs of each measurement inside one round: a batch takes seconds on the slowest contender, one text milliseconds. */
const REPEATS = { batch: 3, one: 25 };
/** The same where a processor plays the GPU: the peer's batch alone takes minutes there. */
const SLOW_REPEATS = { batch: 1, one: 5 };
/** The bars of the product, as ratios of the peer's median to ours; see the issue on the text encoder. */
const BARS = { relaxed: { batch: 3, one: 3, cold: 4 }, simd: { batch: 1.2 }, webgpu: { batch: 3, one: 5, cold: 4 }, 'webgpu peer-webgpu-fp32': { batch: 10, one: 5, cold: 4 } };

const CONTENDERS = {
  relaxed: { page: '/bench/palate.html', about: 'palate, int8, relaxed simd', ours: true },
  simd: { page: '/bench/palate.html', about: 'palate, int8, plain simd128', ours: true, plain: true },
  peer: { page: '/bench/peer.html', about: 'transformers.js 4.3.1, q8 wasm, 1 thread' },
  webgpu: { page: '/bench/palate.html?device=webgpu', about: 'palate, int8, webgpu', ours: true, against: ['peer-webgpu', 'peer-webgpu-fp32'], optional: true, slow: true },
  'peer-webgpu': { page: '/bench/peer.html?device=webgpu', about: 'transformers.js 4.3.1, q8 webgpu', optional: true, slow: true },
  'peer-webgpu-fp32': { page: '/bench/peer.html?device=webgpu&dtype=fp32', about: 'transformers.js 4.3.1, fp32 webgpu', optional: true, slow: true },
  'peer-fp32': { page: '/bench/peer.html?dtype=fp32', about: 'transformers.js 4.3.1, fp32 wasm, 1 thread', optional: true },
};

async function main() {
  const options = parse(process.argv.slice(2));
  await npmPackages();
  const names = options.only ?? Object.keys(CONTENDERS).filter((name) => !CONTENDERS[name].optional);
  const mounts = await prepare(names);
  const [{ launch, NO_CHROMIUM }, { serve }] = await Promise.all([import('../browser/browser.mjs'), import('../../www/build/serve.mjs')]);
  const browser = await launch();
  if (!browser) throw new Error(NO_CHROMIUM);
  const server = await serve({ mounts, csp: false });
  const plainServer = await serve({ mounts: [...mounts, ['/pkg/palate_relaxed_bg.wasm', () => `${PKG}/palate_bg.wasm`]], csp: false });
  try {
    const figures = await measure(browser, names, (contender) => (contender.plain ? plainServer : server), options);
    const report = { machine: machine(browser), texts: { batch: texts.batch.length, tokens: texts.tokens, padded: texts.padded }, rounds: options.rounds, ...figures };
    print(report);
    if (options.json) {
      keep(options.json, report);
      line(`\nwritten: ${options.json}`);
    }
  } finally {
    await browser.close();
    await Promise.all([server.kill(), plainServer.kill()]);
  }
}

function parse(args) {
  const options = { rounds: 5, cold: 3, json: null, only: null };
  for (let i = 0; i < args.length; i += 1) {
    const value = () => args[(i += 1)] ?? usage(`${args[i - 1]} needs a value`);
    if (args[i] === '--json') options.json = value();
    else if (args[i] === '--rounds' || args[i] === '--cold') {
      const name = args[i].slice(2);
      options[name] = Number(value());
      if (!Number.isInteger(options[name]) || options[name] < 1) usage(`--${name} needs a whole number from 1`);
    } else if (args[i] === '--only') {
      options.only = value().split(',');
      const unknown = options.only.find((name) => !CONTENDERS[name]);
      if (unknown) usage(`there is no contender ${unknown}`);
    } else usage(`unknown option ${args[i]}`);
  }
  return options;
}

function usage(problem) {
  throw new Error(`${problem}\nusage: npm run bench -- [--json FILE] [--rounds N] [--cold N] [--only ${Object.keys(CONTENDERS).join(',')}]`);
}

/** Builds and fetches what the contenders need; gives the server's mounts. */
async function prepare(names) {
  const { MOUNTS } = await import('../../www/build/site.mjs');
  const mounts = [...MOUNTS, ['/bench/', at('tests', 'bench', 'pages')]];
  if (names.some((name) => CONTENDERS[name].ours)) {
    await (await import('../../www/build/wasm.mjs')).wasmModules();
    await (await import('../../www/build/model.mjs')).modelPack();
  }
  if (names.some((name) => !CONTENDERS[name].ours)) {
    const { peerMounts } = await import('./peer.mjs');
    mounts.push(...(await peerMounts()));
  }
  return mounts;
}

async function measure(browser, names, serverOf, { rounds, cold }) {
  const contenders = names.map((name) => ({ name, ...CONTENDERS[name], cold: [], batch: [], one: [], downloads: null }));
  const open = async (contender) => {
    const server = serverOf(contender);
    const context = await browser.newContext();
    const page = await context.newPage();
    const problems = [];
    page.on('pageerror', (error) => problems.push(error.message));
    await page.goto(server.url + contender.page);
    await page.waitForFunction("document.title === 'ready'");
    server.reset();
    const start = await page.evaluate((text) => globalThis.coldStart(text), texts.one).catch((error) => {
      throw new Error(`${contender.about} did not start: ${problems.join('; ') || error.message}`);
    });
    contender.downloads ??= server.requests.filter((r) => r.bytes > 0).map(({ path, bytes }) => ({ path, bytes }));
    contender.cold.push(start);
    return { page, context };
  };

  await step(`${cold} cold starts of ${names.join(', ')}`, async ({ progress }) => {
    for (let round = 0; round < cold; round += 1) {
      for (const contender of turned(contenders, round)) {
        progress(`round ${round + 1}, ${contender.name}`);
        const { context } = await open(contender);
        await context.close();
      }
    }
  });

  // Pages that only wait would still be scheduled, so one contender's page is open at a time.
  const vectors = {};
  await step(`${rounds} rounds of ${names.join(', ')}`, async ({ progress }) => {
    for (const contender of contenders) Object.assign(contender, await open(contender));
    for (const contender of contenders) {
      await contender.page.bringToFront();
      vectors[contender.name] = await contender.page.evaluate((list) => globalThis.vectors(list), texts.batch);
      // Warms up; where a batch takes minutes, the one whose vectors are kept did.
      if (!contender.slow) await contender.page.evaluate(([list, one]) => Promise.resolve(globalThis.time(list, 1)).then(() => globalThis.time([one], 20)), [texts.batch, texts.one]);
    }
    for (let round = 0; round < rounds; round += 1) {
      for (const contender of turned(contenders, round)) {
        progress(`round ${round + 1} of ${rounds}, ${contender.name}`);
        await contender.page.bringToFront();
        const repeats = contender.slow ? SLOW_REPEATS : REPEATS;
        contender.batch.push(median(await contender.page.evaluate(([list, n]) => globalThis.time(list, n), [texts.batch, repeats.batch])));
        contender.one.push(median(await contender.page.evaluate(([one, n]) => globalThis.time([one], n), [texts.one, repeats.one])));
      }
    }
    for (const contender of contenders) await contender.context.close();
  });

  const results = Object.fromEntries(contenders.map((c) => [c.name, {
    about: c.about,
    cold_ms: spread(c.cold.map((start) => start.total)),
    cold_parts_ms: { import: median(c.cold.map((s) => s.import)), open: median(c.cold.map((s) => s.open)), first: median(c.cold.map((s) => s.first)) },
    batch_ms: spread(c.batch),
    one_ms: spread(c.one),
    tokens_per_second: Math.round((1000 * texts.tokens) / median(c.batch)),
    downloads: c.downloads,
    download_bytes: c.downloads.reduce((sum, { bytes }) => sum + bytes, 0),
  }]));
  return { results, ratios: ratios(results), agreement: agreement(vectors) };
}

/** The same list, begun one further each round: nobody is always first. */
const turned = (list, by) => list.map((_, i) => list[(i + by) % list.length]);

/** How many times as long the peer takes as each of ours, from medians, with the bar that ours must reach. */
function ratios(results) {
  const out = {};
  for (const [name, mine] of Object.entries(results)) {
    if (!CONTENDERS[name].ours) continue;
    for (const peer of CONTENDERS[name].against ?? ['peer']) {
      if (!results[peer]) continue;
      const pair = peer === 'peer' || peer === 'peer-webgpu' ? name : `${name} ${peer}`;
      out[pair] = {};
      for (const what of ['batch', 'one', 'cold']) {
        const ratio = results[peer][`${what}_ms`].median / mine[`${what}_ms`].median;
        const bar = BARS[pair]?.[what];
        out[pair][what] = { ratio: round(ratio, 2), ...(bar ? { bar, reached: ratio >= bar } : {}) };
      }
    }
  }
  return out;
}

/** Mean and minimum cosine between contenders over the batch: speed counts only with the answer. */
function agreement(vectors) {
  const names = Object.keys(vectors);
  const out = {};
  names.forEach((a, i) => names.slice(i + 1).forEach((b) => {
    const cosines = vectors[a].map((x, row) => x.reduce((sum, value, k) => sum + value * vectors[b][row][k], 0));
    out[`${a} ${b}`] = { mean: round(cosines.reduce((x, y) => x + y) / cosines.length, 5), min: round(Math.min(...cosines), 5) };
  }));
  return out;
}

const median = (list) => {
  const sorted = [...list].sort((x, y) => x - y);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};
const round = (value, digits) => Number(value.toFixed(digits));
const spread = (list) => ({ median: round(median(list), 2), min: round(Math.min(...list), 2), max: round(Math.max(...list), 2) });

function machine(browser) {
  const flags = existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8') : '';
  const found = ['avx2', 'avx_vnni', 'avx512_vnni', 'amx_int8', 'asimddp', 'i8mm'].filter((name) => new RegExp(`\\b${name}\\b`).test(flags));
  const cores = cpus();
  return {
    cpu: cores[0]?.model.trim(), cores: cores.length, features: found, chromium: browser.version(), node: process.version,
    load: existsSync('/proc/loadavg') ? readFileSync('/proc/loadavg', 'utf8').split(' ').slice(0, 3).map(Number) : null,
    commit: capture('git', ['rev-parse', '--short', 'HEAD'], { cwd: at() }), date: new Date().toISOString().slice(0, 10),
  };
}

function print({ machine: where, results, ratios: times, agreement: pairs }) {
  line(`\n${where.cpu}, ${where.cores} cores, ${where.features.join(' ') || 'no int8 dot instructions'}; Chromium ${where.chromium}; load ${where.load?.[0] ?? '?'} at the end\n`);
  line(`${''.padEnd(44)}${'32 texts'.padStart(12)}${'one text'.padStart(12)}${'cold start'.padStart(12)}${'download'.padStart(12)}`);
  for (const result of Object.values(results)) {
    const ms = (part) => `${result[part].median.toFixed(1)} ms`.padStart(12);
    line(`${result.about.padEnd(44)}${ms('batch_ms')}${ms('one_ms')}${ms('cold_ms')}${`${(result.download_bytes / 1e6).toFixed(1)} MB`.padStart(12)}`);
  }
  for (const [name, row] of Object.entries(times)) {
    const cell = ({ ratio, bar, reached }) => `${ratio.toFixed(2)}x${bar ? (reached ? ' ✓' : ` ✗ ${bar}`) : ''}`.padStart(12);
    line(`${`peer / ${name}`.padEnd(44)}${cell(row.batch)}${cell(row.one)}${cell(row.cold)}`);
  }
  line('');
  for (const [pair, { mean, min }] of Object.entries(pairs)) line(`cosine ${pair.padEnd(30)} mean ${mean}, minimum ${min}`);
}

main().catch(fail);
