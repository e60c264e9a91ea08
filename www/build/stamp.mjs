//! Remembers which steps are done, so that nothing is done twice: a step is done when the hash of its inputs is the one
//! on its stamp and its outputs exist. It knows nothing of what the steps do.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ROOT, cache } from './root.mjs';

const stampFile = (name) => cache('stamps', name);

/** Files under each of `paths` (files or folders, from the root), sorted, without those that `skip(path)` names. */
function filesUnder(paths, skip = () => false) {
  const found = [];
  const visit = (path) => {
    if (!existsSync(path) || skip(relative(ROOT, path))) return;
    if (statSync(path).isDirectory()) readdirSync(path).sort().forEach((name) => visit(join(path, name)));
    else found.push(path);
  };
  paths.forEach((path) => visit(join(ROOT, path)));
  return found;
}

/** Hash over the names and bytes of files, and over any `facts` (strings) that also decide the outcome. */
export function inputHash(paths, { facts = [], skip } = {}) {
  const hash = createHash('sha256');
  for (const file of filesUnder(paths, skip)) {
    hash.update(`${relative(ROOT, file)}\0`).update(createHash('sha256').update(readFileSync(file)).digest());
  }
  facts.forEach((fact) => hash.update(`\0${fact}`));
  return hash.digest('hex');
}

/** Runs `work` unless the stamp `name` carries `hash` and all `outputs` exist. Resolves to whether it ran. */
export async function once(name, hash, outputs, work) {
  if (isDone(name, hash, outputs)) return false;
  rmSync(stampFile(name), { force: true });
  await work();
  const missing = outputs.filter((path) => !existsSync(path));
  if (missing.length > 0) throw new Error(`${name} ended without an error, but did not write ${missing.join(', ')}`);
  mkdirSync(cache('stamps'), { recursive: true });
  writeFileSync(stampFile(name), hash);
  return true;
}

export function isDone(name, hash, outputs) {
  return existsSync(stampFile(name)) && readFileSync(stampFile(name), 'utf8') === hash && outputs.every((path) => existsSync(path));
}

export const sha256 = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');
