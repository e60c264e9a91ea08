//! Compiles the crate to the two wasm modules of the package and writes `www/pkg`.
//!
//! `palate_bg.wasm` uses simd128, which every engine of the last years has; `palate_relaxed_bg.wasm` also relaxed-simd,
//! three times as fast in the int8 products where an engine has it. Safari refuses a module that merely contains a relaxed
//! opcode (`tests/packaging` looks for them), so there are two, and `palate.js` (made by wasm-bindgen) serves both. Which compiler: `toolchain.mjs`.

import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants } from 'node:zlib';
import { CARGO_TARGET, PKG, at, cache } from './root.mjs';
import { bytes, line, step } from './report.mjs';
import { inputHash, isDone, once } from './stamp.mjs';
import { cargoProgress } from './native.mjs';
import { capture, run, which } from './run.mjs';
import { wasmToolchain } from './toolchain.mjs';

/** Flags of this crate alone: dependencies are compiled once, with simd128, and serve both modules. */
const FEATURES = { simd: '+simd128', relaxed: '+simd128,+relaxed-simd' };
/**
 * What is not marked to be inlined is inlined where that costs next to nothing: 42 KB brotli less than with the compiler's own
 * threshold, and no slower. (`opt-level = 2` saved 12 KB more and made the int8 products three times as slow; `"z"` for the whole
 * crate 110 KB, and made every list twice as slow.)
 */
const INLINING = 'llvm-args=-inline-threshold=25 -inlinehint-threshold=25';
const outputs = ['palate.js', 'palate.d.ts', 'palate_bg.wasm', 'palate_relaxed_bg.wasm'].map((name) => join(PKG, name));
const sources = () => inputHash(['src', 'Cargo.toml', 'Cargo.lock', 'www/build/wasm.mjs', 'www/build/toolchain.mjs'], {
  facts: [process.env.PALATE_WASM_TOOLCHAIN ?? ''],
  // Native rooms only: they are not compiled into the modules.
  skip: (path) => /^src[/\\](bin|train|publish|platform[/\\]native)([/\\]|$)/.test(path),
});

/** Builds what has changed. Resolves to whether anything was built. */
export async function wasmModules() {
  const hash = sources();
  if (isDone('wasm', hash, outputs)) return false;
  const toolchain = await wasmToolchain();
  const bindgen = await wasmBindgen();
  return once('wasm', hash, outputs, async () => {
    mkdirSync(PKG, { recursive: true });
    const built = {};
    for (const kind of Object.keys(FEATURES)) built[kind] = await compile(kind, toolchain, bindgen);
    if (built.simd.glue !== built.relaxed.glue) {
      throw new Error(`wasm-bindgen wrote different JS for the two modules (compare ${built.simd.folder} and ${built.relaxed.folder}), `
        + 'so one palate.js cannot load both. A binding that depends on a target feature is the usual cause.');
    }
    rmSync(PKG, { recursive: true, force: true });
    mkdirSync(PKG, { recursive: true });
    cpSync(join(built.simd.folder, 'palate.js'), join(PKG, 'palate.js'));
    cpSync(join(built.simd.folder, 'palate.d.ts'), join(PKG, 'palate.d.ts'));
    cpSync(built.simd.wasm, join(PKG, 'palate_bg.wasm'));
    cpSync(built.relaxed.wasm, join(PKG, 'palate_relaxed_bg.wasm'));
    for (const [kind, { wasm }] of Object.entries(built)) {
      line(`  ${kind.padEnd(8)} ${bytes(readFileSync(wasm).length)}, brotli ${bytes(await brotliSize(wasm))}`);
    }
  });
}

/**
 * cargo, then wasm-bindgen. Gives the folder, the module and the glue's text.
 *
 * No wasm-opt: after LLVM's link-time optimization it made the modules larger to download (-O3 756 KB brotli, -Os 756 KB,
 * without 750 KB), no faster in Chromium, and cost a minute each.
 */
async function compile(kind, toolchain, bindgen) {
  const args = ['--lib', '--profile', 'web', '--', '-C', `target-feature=${FEATURES[kind]}`, '-C', INLINING];
  const target = await cargoRustc(`wasm module, ${kind}`, toolchain, args);
  const folder = await bound(bindgen, join(target, 'web', 'palate.wasm'), 'palate', cache('wasm', kind));
  return { folder, wasm: join(folder, 'palate_bg.wasm'), glue: readFileSync(join(folder, 'palate.js'), 'utf8') };
}

/** A module that tests load, an example of the crate, into `folder`; quick to compile (or `web`, as fast as the package's), and no part of it. */
export async function exampleModule(name, folder, profile = 'trial') {
  const toolchain = await wasmToolchain();
  const bindgen = await wasmBindgen();
  const target = await cargoRustc(`wasm module of tests, ${name}`, toolchain, ['--example', name, '--profile', profile]);
  await bound(bindgen, join(target, profile, 'examples', `${name}.wasm`), name, folder);
}

/** `cargo rustc` for wasm. Resolves to the folder of the target's profiles. */
async function cargoRustc(label, toolchain, args) {
  const target = join(CARGO_TARGET, toolchain.kind === 'debian' ? 'wasm-debian' : 'wasm');
  const env = { ...process.env, ...toolchain.env };
  // These would win over the target's own flags and the profile, and belong to the native build.
  for (const name of ['RUSTFLAGS', 'CARGO_ENCODED_RUSTFLAGS', 'CARGO_BUILD_RUSTFLAGS', 'CARGO_BUILD_TARGET', 'CARGO_INCREMENTAL', 'RUSTC_WRAPPER']) delete env[name];
  env.CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS = '-C target-feature=+simd128 --cfg getrandom_backend="wasm_js"';
  const whole = ['rustc', '--target', 'wasm32-unknown-unknown', '--target-dir', target, ...toolchain.args, ...args];
  await step(`${label} (${toolchain.version?.split(' ').slice(0, 2).join(' ')}, ${toolchain.kind})`,
    ({ progress }) => run(toolchain.cargo, whole, { cwd: at(), env, progress: cargoProgress(progress) }));
  return join(target, 'wasm32-unknown-unknown');
}

/** wasm-bindgen's glue and module in `folder`, which is made anew. */
async function bound(bindgen, raw, name, folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await run(bindgen, ['--target', 'web', '--out-name', name, '--out-dir', folder, raw]);
  renumber(join(folder, `${name}.js`), join(folder, `${name}_bg.wasm`));
  return folder;
}

/**
 * wasm-bindgen names closures by their functions' numbers in the module, which are others where a module has one function more.
 * Numbers in the order of the glue take their place, as long as they were, so that one glue fits both modules. (Its comments have
 * numbers of their own.)
 */
function renumber(glue, wasm) {
  const names = /(__wasm_bindgen_func_elem_)(\d+)/g;
  const numbers = new Map();
  const replaced = (text) => text.replace(names, (_, name, number) => {
    if (!numbers.has(number)) numbers.set(number, `${numbers.size}`.padStart(number.length, '0'));
    return name + numbers.get(number);
  });
  writeFileSync(glue, replaced(readFileSync(glue, 'utf8')).replaceAll(/shim_idx: \d+/g, 'shim_idx: _'));
  writeFileSync(wasm, Buffer.from(replaced(readFileSync(wasm, 'latin1')), 'latin1'));
}

/** The wasm-bindgen command of exactly the version in `Cargo.lock`, in `.cache/`. Resolves to its path. */
async function wasmBindgen() {
  const version = lockedVersion('wasm-bindgen');
  const root = cache('wasm-bindgen', version);
  const binary = join(root, 'bin', process.platform === 'win32' ? 'wasm-bindgen.exe' : 'wasm-bindgen');
  const fits = (command) => capture(command, ['--version']) === `wasm-bindgen ${version}`;
  for (const candidate of [binary, process.env.WASM_BINDGEN, which('wasm-bindgen')]) if (candidate && fits(candidate)) return candidate;
  await step(`wasm-bindgen ${version} (about 3 minutes on 2 cores)`, async ({ progress }) => {
    const args = ['install', 'wasm-bindgen-cli', '--version', version, '--root', root, '--jobs', String(availableParallelism())];
    const env = { ...process.env, CARGO_TARGET_DIR: cache('wasm-bindgen', 'target') };
    delete env.RUSTFLAGS;
    const count = cargoProgress(progress);
    // A registry mirror may lag behind the tool's own lock file.
    await run('cargo', [...args, '--locked'], { env, progress: count }).catch(() => run('cargo', args, { env, progress: count }));
    rmSync(cache('wasm-bindgen', 'target'), { recursive: true, force: true });
  });
  return binary;
}

function lockedVersion(name) {
  const match = new RegExp(`name = "${name}"\\nversion = "([^"]+)"`).exec(readFileSync(at('Cargo.lock'), 'utf8').replaceAll('\r', ''));
  if (!match) throw new Error(`Cargo.lock names no ${name}`);
  return match[1];
}

/** Size as a visitor downloads it, brotli at its highest level. */
export async function brotliSize(file) {
  const data = readFileSync(file);
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_SIZE_HINT]: data.length };
  return (await promisify(brotliCompress)(data, { params })).length;
}
