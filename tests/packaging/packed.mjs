//! Runs `npm pack` once for the packaging tests, and installs the tarball into a copy of a customer's project.

import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { at, cache } from '../../www/build/root.mjs';
import { run } from '../../www/build/run.mjs';

let packing = null;

/** `{ name, path, files }` of the tarball. */
export function packed() {
  packing ??= (async () => {
    const folder = cache('tests', 'pack');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const text = await run('npm', ['pack', '--json', '--ignore-scripts', '--loglevel=error', '--pack-destination', folder], { cwd: at() });
    const [{ filename, files }] = [JSON.parse(text)].flat(2).flatMap((entry) => (entry.filename ? [entry] : Object.values(entry)));
    return { name: filename, path: join(folder, filename), files: files.map(({ path }) => path) };
  })();
  return packing;
}

/** A copy of `projects/<name>` in a temporary folder with the tarball installed by npm. Resolves to the folder. */
export async function installed(after, name) {
  const { path } = await packed();
  const folder = mkdtempSync(join(tmpdir(), `palate-${name}-`));
  after(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(at('tests', 'packaging', 'projects', name), folder, { recursive: true });
  await run('npm', ['install', path, '--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder });
  return folder;
}
