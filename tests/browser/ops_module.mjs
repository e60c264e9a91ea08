//! The GPU's cases (`tests/ops/everywhere`) compiled for the browser.

import { join } from 'node:path';
import { cache } from '../../www/build/root.mjs';
import { inputHash, once } from '../../www/build/stamp.mjs';
import { exampleModule } from '../../www/build/wasm.mjs';

/** Where `ops.js` and its module are. */
export const OPS = cache('ops');

/** Builds them if something changed. */
export async function opsModule() {
  const inputs = ['src', 'tests/ops', 'tests/browser/ops.rs', 'Cargo.toml', 'Cargo.lock', 'www/build/wasm.mjs', 'www/build/toolchain.mjs'];
  // Native rooms only: they are not compiled into the module.
  const hash = inputHash(inputs, { skip: (path) => /^src[/\\](bin|train|publish|platform[/\\]native)([/\\]|$)/.test(path) });
  await once('ops', hash, [join(OPS, 'ops.js'), join(OPS, 'ops_bg.wasm')], () => exampleModule('ops', OPS));
}
