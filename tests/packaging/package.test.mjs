//! What `npm pack` ships: the wasm is in it, nothing else is, it stays small, and the plain module is plain.

import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { at, cache, PKG } from '../../www/build/root.mjs';
import { run } from '../../www/build/run.mjs';
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

test('modules: the counter of relaxed opcodes finds one where there is one', async () => {
  const source = cache('tests', 'one.wat');
  const module = cache('tests', 'one.wasm');
  after(() => [source, module].forEach((path) => rmSync(path, { force: true })));
  writeFileSync(source, `(module (func (export "f") (param v128 v128 v128) (result v128)
    (i32x4.relaxed_dot_i8x16_i7x16_add_s (local.get 0) (local.get 1) (local.get 2))))`);
  await run(process.execPath, [at('node_modules', 'binaryen', 'bin', 'wasm-as'), '--enable-simd', '--enable-relaxed-simd', source, '-o', module]);
  assert.equal(await relaxedOpcodes(module), 1);
});

test('modules: the plain module has no relaxed opcode, the relaxed one has some', async (t) => {
  assert.equal(await relaxedOpcodes(join(PKG, 'palate_bg.wasm')), 0);
  const count = await relaxedOpcodes(join(PKG, 'palate_relaxed_bg.wasm'));
  t.diagnostic(`${count} relaxed opcodes in the relaxed module`);
  assert.ok(count > 0, 'the relaxed module does not use what it is built for');
});
