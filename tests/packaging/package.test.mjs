//! What `npm pack` ships: the wasm is in it, nothing else is, it stays small, and the plain module is plain.

import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { at, PKG } from '../../www/build/root.mjs';
import { brotliSize } from '../../www/build/wasm.mjs';
import { packed } from './packed.mjs';
import { relaxedOpcodes } from './wasm_opcodes.mjs';

const limits = JSON.parse(readFileSync(new URL('./limits.json', import.meta.url), 'utf8'));
let tarball;
before(async () => { tarball = await packed(); });

test('package: the tarball holds both wasm modules, the glue, the library, its types and the license', () => {
  for (const name of ['www/pkg/palate_bg.wasm', 'www/pkg/palate_relaxed_bg.wasm', 'www/pkg/palate.js', 'www/lib/index.js',
    'www/lib/index.d.ts', 'package.json', 'README.md', 'LICENSE']) {
    assert.ok(tarball.files.includes(name), `${name} is missing from ${tarball.name}`);
  }
});

test('package: nothing of the demo, the scripts, the sources or the tests is in the tarball', () => {
  const strange = tarball.files.filter((name) => !/^(www\/(lib|pkg)\/|package\.json$|README\.md$|LICENSE$|CHANGELOG\.md$)/.test(name));
  assert.deepEqual(strange, []);
});

test('package: exports, types and files of package.json are there', () => {
  const { exports, types } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
  for (const path of [exports['.'].default, exports['.'].types, types]) assert.ok(tarball.files.includes(path.replace(/^\.\//, '')), path);
});

test('package: the types name what the library exports', () => {
  const types = readFileSync(at('www', 'lib', 'index.d.ts'), 'utf8');
  for (const name of ['Recommender', 'Encoder', 'PalateError']) {
    assert.match(types, new RegExp(`export (declare )?(abstract )?(class|const|interface) ${name}\\b|export (type )?\\{[^}]*\\b${name}\\b`), name);
  }
});

test('size: JS and wasm that a visitor downloads stay under the limit', async (t) => {
  const scripts = readdirSync(at('www', 'lib'), { recursive: true }).filter((name) => name.endsWith('.js')).map((name) => at('www', 'lib', name));
  const parts = {};
  for (const file of [...scripts, join(PKG, 'palate.js')]) parts[file] = await brotliSize(file);
  const js = Object.values(parts).reduce((a, b) => a + b, 0);
  const modules = await Promise.all(['palate_bg.wasm', 'palate_relaxed_bg.wasm'].map((name) => brotliSize(join(PKG, name))));
  const total = js + Math.max(...modules);
  t.diagnostic(`JS ${js} B, wasm ${modules.join(' / ')} B, together at most ${total} B of ${limits.visitor_brotli_bytes} B (brotli)`);
  assert.ok(total <= limits.visitor_brotli_bytes, `${total} B brotli, the limit is ${limits.visitor_brotli_bytes} B`);
});

test('size: the int8 MiniLM pack stays under the limit', (t) => {
  const folder = at('models', 'minilm', 'pack');
  const total = readdirSync(folder, { recursive: true }).map((name) => statSync(join(folder, name))).filter((s) => s.isFile()).reduce((sum, s) => sum + s.size, 0);
  t.diagnostic(`${total} B of ${limits.model_pack_bytes} B`);
  assert.ok(total > 20_000_000, `a pack of ${total} B cannot hold the model`);
  assert.ok(total <= limits.model_pack_bytes, `${total} B, the limit is ${limits.model_pack_bytes} B`);
});

/** A module with one function: a branch table, a constant with the bytes of a relaxed instruction, dropped, then `code`. */
function moduleWith(code) {
  const relaxedLookalike = [253, 12, 253, 147, 2, ...Array(13).fill(0), 26]; // v128.const, drop
  const body = [0, 2, 64, 65, 253, 0, 14, 2, 0, 0, 0, 11, ...relaxedLookalike, ...code, 11];
  return Uint8Array.from([
    0, 97, 115, 109, 1, 0, 0, 0, // magic, version
    1, 8, 1, 96, 3, 123, 123, 123, 1, 123, // one type: three v128 to one
    3, 2, 1, 0, // one function of it
    10, body.length + 2, 1, body.length, ...body,
  ]);
}

test('modules: the counter of relaxed opcodes tells one from a constant that looks like one', () => {
  assert.equal(relaxedOpcodes(moduleWith([32, 0])), 0);
  const dot = [32, 0, 32, 1, 32, 2, 253, 147, 2]; // i32x4.relaxed_dot_i8x16_i7x16_add_s
  assert.equal(relaxedOpcodes(moduleWith(dot)), 1);
  assert.ok(WebAssembly.validate(moduleWith([32, 0])), 'the module without it is a valid one');
  assert.throws(() => relaxedOpcodes(moduleWith([0xfe, 0])), /not known here/);
});

test('modules: the plain module has no relaxed opcode, the relaxed one has some', (t) => {
  assert.equal(relaxedOpcodes(readFileSync(join(PKG, 'palate_bg.wasm'))), 0);
  const count = relaxedOpcodes(readFileSync(join(PKG, 'palate_relaxed_bg.wasm')));
  t.diagnostic(`${count} relaxed opcodes in the relaxed module`);
  assert.ok(count > 0, 'the relaxed module does not use what it is built for');
});
