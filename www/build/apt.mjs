//! Debian packages, where we may install them: as root, with apt.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { line, step } from './report.mjs';

/** Installs packages where that is allowed; says so where it failed. */
export async function aptInstall(label, ...packages) {
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return;
  await step(`${label} from apt`, () => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    spawnSync('apt-get', ['update', '-qq'], { env, stdio: 'ignore', timeout: 300_000 });
    const run = spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { env, encoding: 'utf8', timeout: 900_000 });
    if (run.status !== 0) line(`apt-get install ${packages.join(' ')} failed: ${(run.stderr ?? '').trim().split('\n').pop()}`);
  });
}
