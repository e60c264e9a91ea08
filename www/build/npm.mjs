//! Installs the npm packages the scripts need, from the lock file, without running anybody's install scripts.
//!
//! Only Node's own modules are imported here: this is what runs first in a fresh clone.

import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { at, cache } from './root.mjs';
import { step } from './report.mjs';
import { inputHash, once } from './stamp.mjs';
import { run } from './run.mjs';

const FLAGS = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];

/** `node_modules` from `package-lock.json`. */
export async function npmPackages() {
  const outputs = ['openmoji', 'emojibase-data', 'playwright-core', 'vite'].map((name) => at('node_modules', name, 'package.json'));
  await once('npm', inputHash(['package-lock.json']), outputs, () =>
    step('npm packages', ({ progress }) => run('npm', ['ci', ...FLAGS], { cwd: at(), progress })));
}

/** The benchmark's peer, in `.cache/peer/`: 450 MB that only `npm run bench` needs. Resolves to its `node_modules`. */
export async function peerPackages() {
  const folder = cache('peer');
  const modules = cache('peer', 'node_modules');
  await once('npm-peer', inputHash(['tests/bench/peer']), [cache('peer', 'node_modules', '@huggingface', 'transformers', 'package.json')], () =>
    step('the peer of the benchmark (transformers.js)', ({ progress }) => {
      mkdirSync(folder, { recursive: true });
      for (const name of ['package.json', 'package-lock.json']) {
        if (existsSync(at('tests', 'bench', 'peer', name))) cpSync(at('tests', 'bench', 'peer', name), cache('peer', name));
      }
      return run('npm', ['ci', ...FLAGS], { cwd: folder, progress });
    }));
  return modules;
}
