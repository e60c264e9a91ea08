//! Counts relaxed-simd instructions in a wasm module by disassembling it.
//!
//! Safari refuses a module that merely contains one, so the plain module must have none.

import { at } from '../../www/build/root.mjs';
import { run } from '../../www/build/run.mjs';

/** Number of relaxed-simd instructions in the module at `path`. */
export async function relaxedOpcodes(path) {
  const features = ['--enable-simd', '--enable-relaxed-simd', '--enable-bulk-memory', '--enable-reference-types', '--enable-multivalue',
    '--enable-sign-ext', '--enable-nontrapping-float-to-int', '--enable-mutable-globals'];
  const text = await run(process.execPath, [at('node_modules', 'binaryen', 'bin', 'wasm-dis'), ...features, path]);
  if (!text.startsWith('(module')) throw new Error(`wasm-dis did not understand ${path}`);
  // `i32x4.relaxed_dot_i8x16_i7x16_add_s`, `f32x4.relaxed_madd`, `i8x16.relaxed_swizzle`, ...
  return (text.match(/\b[if]\d+x\d+\.relaxed_\w+/g) ?? []).length;
}
