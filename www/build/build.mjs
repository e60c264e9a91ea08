//! `npm run build`: the publishable package. The wasm modules and their glue into `www/pkg`; `www/lib` is plain JS with
//! its types beside it and needs no step of its own.

import { fail } from './report.mjs';
import { npmPackages } from './npm.mjs';
import { wasmModules } from './wasm.mjs';

try {
  await npmPackages();
  await wasmModules();
} catch (error) {
  fail(error);
}
