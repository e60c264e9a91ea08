//! `npm test`: sets up what is missing, runs every suite and closes with one line `N passed, N failed, N skipped`.
//!
//! `npm test -- native browser` runs only those suites, `--grep TEXT` only tests whose name contains TEXT.
//! What each suite checks stands in its own folder; how a test is written, in `tests/README.md`.

import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { at, cache } from '../www/build/root.mjs';
import { fail, line, seconds, step } from '../www/build/report.mjs';
import { npmPackages } from '../www/build/npm.mjs';
import { cargoProgress } from '../www/build/native.mjs';
import { eachLine, run } from '../www/build/run.mjs';
import { CargoOutput } from './cargo_output.mjs';

/** A file that hangs is stopped after this long. */
const FILE_TIMEOUT = 15 * 60_000;

const SUITES = {
  native: {
    about: 'the crate and the command line, compiled for this machine',
    async setUp() {
      await (await import('../www/build/vulkan.mjs')).vulkanDriver();
      const { modelPack } = await import('../www/build/model.mjs');
      await modelPack();
    },
    run: nativeSuite,
  },
  scripts: { about: 'the server and the build scripts', run: (grep) => nodeSuite('scripts', grep) },
  browser: {
    about: 'the wasm modules, the package and the demo in Chromium',
    needsBrowser: true,
    async setUp() {
      await (await import('../www/build/wasm.mjs')).wasmModules();
      await (await import('../www/build/native.mjs')).palateCommand(); // indexes and packs of some tests are built with it
      await (await import('./browser/ops_module.mjs')).opsModule();
      await (await import('../www/build/site.mjs')).demoSite();
    },
    run: (grep) => nodeSuite('browser', grep),
  },
  packaging: {
    about: 'what npm pack ships, its size, and that it works installed',
    async setUp() {
      await (await import('../www/build/wasm.mjs')).wasmModules();
      await (await import('../www/build/site.mjs')).demoSite();
    },
    run: (grep) => nodeSuite('packaging', grep),
  },
};

async function main() {
  const { names, grep } = parse(process.argv.slice(2));
  await npmPackages();
  const rows = [];
  for (const name of names) {
    line(`\n── ${name}: ${SUITES[name].about}`);
    const begin = Date.now();
    const counts = await runSuite(SUITES[name], name, grep);
    rows.push({ name, ...counts, time: Date.now() - begin });
  }
  const total = { passed: 0, failed: 0, skipped: 0 };
  line(`\n${'suite'.padEnd(12)}${'passed'.padStart(8)}${'failed'.padStart(8)}${'skipped'.padStart(9)}${'time'.padStart(10)}`);
  for (const row of rows) {
    line(`${row.name.padEnd(12)}${String(row.passed).padStart(8)}${String(row.failed).padStart(8)}${String(row.skipped).padStart(9)}${seconds(row.time).padStart(10)}`);
    for (const key of Object.keys(total)) total[key] += row[key];
  }
  line('');
  line(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  process.exit(total.failed > 0 || total.passed === 0 ? 1 : 0);
}

/** A suite that cannot be set up counts as one failure, and the others still run. */
async function runSuite(suite, name, grep) {
  try {
    if (suite.needsBrowser) {
      const { findChromium, NO_CHROMIUM } = await import('../www/build/chromium.mjs');
      if (!(await findChromium())) {
        const count = testFiles(name).length;
        const required = process.env.REQUIRE_BROWSER === '1';
        line(`${required ? 'failed' : 'skipped'}: ${NO_CHROMIUM}`);
        return { passed: 0, failed: required ? count : 0, skipped: required ? 0 : count };
      }
    }
    await suite.setUp?.();
    return await suite.run(grep);
  } catch (error) {
    line(`failed: ${error.message}`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

function parse(args) {
  const names = [];
  let grep = null;
  for (let i = 0; i < args.length; i += 1) {
    if (args[i] === '--grep') grep = args[(i += 1)] ?? '';
    else if (args[i].startsWith('--grep=')) grep = args[i].slice(7);
    else if (SUITES[args[i]]) names.push(args[i]);
    else throw new Error(`There is no suite ${args[i]}. The suites are ${Object.keys(SUITES).join(', ')}; --grep TEXT filters by name.`);
  }
  if (grep === '') throw new Error('--grep needs a text');
  return { names: names.length > 0 ? names : Object.keys(SUITES), grep };
}

async function nativeSuite(grep) {
  const args = ['test', '--release', '--features', 'publisher'];
  await step('native tests compiled', ({ progress }) => run('cargo', [...args, '--no-run'], { cwd: at(), progress: cargoProgress(progress) }));
  const output = new CargoOutput(line);
  const filter = grep ? [grep] : [];
  const code = await stream('cargo', [...args, '--no-fail-fast', ...filter, '--', '--show-output'], {}, (text) => output.hear(text));
  return output.counts(code);
}

const testFiles = (folder) => readdirSync(at('tests', folder)).filter((name) => name.endsWith('.test.mjs')).sort();

/** Every `tests/<folder>/*.test.mjs`, one process and one at a time, so that timings are not each other's noise. */
async function nodeSuite(folder, grep) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  mkdirSync(cache('tests'), { recursive: true });
  for (const name of testFiles(folder)) {
    const summary = cache('tests', `${folder}-${name}.json`);
    rmSync(summary, { force: true });
    const args = ['--test-reporter', new URL('./reporter.mjs', import.meta.url).href, '--test-reporter-destination', 'stdout'];
    if (grep) args.push('--test-name-pattern', grep.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    line(`${folder}/${name}`);
    const code = await stream(process.execPath, [...args, join(at('tests', folder), name)], { PALATE_TEST_SUMMARY: summary }, line, FILE_TIMEOUT);
    const counts = existsSync(summary) ? JSON.parse(readFileSync(summary, 'utf8')) : { passed: 0, failed: 1, skipped: 0 };
    if (!existsSync(summary)) line(`  failed: the file ended with exit code ${code} before its tests did`);
    else if (code !== 0 && counts.failed === 0) {
      counts.failed = 1;
      line(`  failed: every test passed, but the process ended with exit code ${code}`);
    }
    for (const key of Object.keys(total)) total[key] += counts[key];
  }
  return total;
}

/** Runs a program and hands on its output line by line. Resolves to the exit code. */
function stream(command, args, env, hear, timeout) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: at(), env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const source of [child.stdout, child.stderr]) eachLine(source.setEncoding('utf8'), hear);
    const timer = timeout && setTimeout(() => { hear(`  stopped after ${seconds(timeout)}`); child.kill('SIGKILL'); }, timeout);
    child.on('error', reject);
    child.on('close', (code) => { clearTimeout(timer); resolve(code); });
  });
}

main().catch(fail);
