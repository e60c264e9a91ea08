//! Builds the publisher's command line. What its subcommands do is told in `src/bin/palate`.

import { availableParallelism } from 'node:os';
import { CARGO_TARGET, PALATE, at } from './root.mjs';
import { step } from './report.mjs';
import { inputHash, once } from './stamp.mjs';
import { run } from './run.mjs';

/** Compiles `target/release/palate` if a source has changed. Resolves to its path. */
export async function palateCommand() {
  await once('native', inputHash(['src', 'Cargo.toml', 'Cargo.lock'], { facts: [CARGO_TARGET], skip: browserOnly }), [PALATE], () =>
    step('the palate command (the first time compiles 300 crates)', async ({ progress }) => {
      const env = { ...process.env };
      delete env.CARGO_BUILD_TARGET;
      const args = ['build', '--release', '--features', 'publisher', '--bin', 'palate', '--jobs', String(availableParallelism())];
      await run('cargo', args, { cwd: at(), env, progress: cargoProgress(progress) });
    }));
  return PALATE;
}

const browserOnly = (path) => /^src[/\\](bindings|platform[/\\]web)([/\\]|$)/.test(path);

/** The sources that decide what a model pack or an index holds: a change elsewhere need not encode everything again. */
export function nativeSources(what) {
  const encoder = ['error.rs', 'math', 'format', 'preprocess', 'compute', 'models', 'encode'];
  const rooms = what === 'pack' ? encoder : [...encoder, 'index', 'fuse', 'publish', 'train', 'platform/native'];
  return [...rooms.map((room) => `src/${room}`), 'src/bin/palate'];
}

/** Counts the crates cargo has compiled, which is a better sign of life than the last name. */
export function cargoProgress(progress) {
  let crates = 0;
  return (text) => {
    const match = /^Compiling (\S+)/.exec(text);
    if (match) progress(`${(crates += 1)} crates, ${match[1]}`);
  };
}
