//! Finds Python 3 and makes virtual environments in `.cache/`. Python carries the model wheel and writes the peer's model.

import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { cache } from './root.mjs';
import { step } from './report.mjs';
import { once } from './stamp.mjs';
import { capture, run } from './run.mjs';

/** The command that starts Python 3 (`PYTHON`, `python3`, `python`). */
export function python() {
  for (const command of [process.env.PYTHON, 'python3', 'python']) {
    if (command && /^Python 3\.(\d+)/.test(capture(command, ['--version']) ?? '')) return command;
  }
  throw new Error('Python 3 is not on the PATH; install it (Debian: apt-get install python3 python3-pip python3-venv), or set PYTHON to its path');
}

/** A virtual environment `.cache/<name>` with `packages`. Resolves to its python. */
export async function environment(name, packages) {
  const folder = cache(name);
  const command = process.platform === 'win32' ? join(folder, 'Scripts', 'python.exe') : join(folder, 'bin', 'python');
  const hash = createHash('sha256').update(packages.join('\n')).digest('hex');
  await once(name, hash, [command], () => step(`Python packages ${packages.join(', ')}`, async ({ progress }) => {
    mkdirSync(cache(), { recursive: true });
    if (!existsSync(command)) await run(python(), ['-m', 'venv', folder], { progress });
    await run(command, ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', ...packages], { progress });
  }));
  return command;
}
