//! Finds a way to compile for `wasm32-unknown-unknown`, the first that works: the target is installed; rustup adds it;
//! Debian's compiler with the standard library built from source. It compiles nothing of ours.

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { homedir } from 'node:os';
import { line, step } from './report.mjs';
import { capture, run, which } from './run.mjs';

const TARGET = 'wasm32-unknown-unknown';
const DEBIAN_PACKAGES = ['rustc-web', 'cargo-web', 'rust-web-src'];

/**
 * `{ kind, cargo, args, env, version }`: what to call, with which further arguments and environment.
 * `PALATE_WASM_TOOLCHAIN=installed|rustup|debian` asks for one way.
 */
export async function wasmToolchain() {
  const asked = process.env.PALATE_WASM_TOOLCHAIN;
  const ways = { installed, rustup, debian };
  if (asked && !ways[asked]) throw new Error(`PALATE_WASM_TOOLCHAIN is ${asked}; it can be installed, rustup or debian`);
  const reasons = [];
  for (const [name, way] of Object.entries(ways)) {
    if (asked && asked !== name) continue;
    const found = await way(reasons);
    if (found) return found;
  }
  throw new Error([
    `No way to compile for ${TARGET} was found:`, ...reasons.map((reason) => `  - ${reason}`),
    `Install Rust from https://rustup.rs and run: rustup target add ${TARGET}`,
  ].join('\n'));
}

function installed(reasons) {
  const sysroot = capture('rustc', ['--print', 'sysroot']);
  if (sysroot && existsSync(join(sysroot, 'lib', 'rustlib', TARGET, 'lib')) && which('cargo')) {
    return { kind: 'installed', cargo: 'cargo', args: [], env: {}, version: capture('rustc', ['-V']) };
  }
  reasons.push(sysroot ? `the target is not part of ${capture('rustc', ['-V'])}` : 'rustc is not on the PATH');
  return null;
}

async function rustup(reasons) {
  if (!which('rustup')) {
    reasons.push('rustup is not on the PATH');
    return null;
  }
  try {
    await step('wasm target from rustup', ({ progress }) => run('rustup', ['target', 'add', TARGET], { progress, timeout: 120_000 }));
  } catch (error) {
    reasons.push(`rustup could not add it: ${error.tail?.split('\n').pop() ?? error.message}`);
    return null;
  }
  const found = installed(reasons);
  return found && { ...found, kind: 'rustup' };
}

async function debian(reasons) {
  const there = () => existsSync('/usr/bin/cargo') && existsSync('/usr/bin/rustc') && librarySource();
  if (!there() && existsSync('/usr/bin/apt-get')) {
    if (process.getuid?.() !== 0) {
      reasons.push(`Debian's compiler needs: sudo apt-get install --no-install-recommends ${DEBIAN_PACKAGES.join(' ')}`);
      return null;
    }
    try {
      await step("Debian's Rust compiler with its sources", async ({ progress }) => {
        const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
        await run('apt-get', ['update', '-q'], { env, progress, timeout: 300_000 }).catch(() => line('apt-get update failed; trying with the package lists that are here'));
        await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...DEBIAN_PACKAGES], { env, progress, timeout: 900_000 });
      });
    } catch (error) {
      reasons.push(`apt-get install ${DEBIAN_PACKAGES.join(' ')} failed: ${error.tail?.split('\n').pop() ?? error.message}`);
      return null;
    }
  }
  if (!there()) {
    reasons.push(`Debian's packages ${DEBIAN_PACKAGES.join(', ')} are not here`);
    return null;
  }
  const linker = wasmLinker();
  if (!linker) {
    reasons.push("Debian's compiler is here, but no wasm linker: neither a rustup toolchain's rust-lld nor wasm-ld from the package lld");
    return null;
  }
  return {
    kind: 'debian',
    cargo: '/usr/bin/cargo',
    args: ['-Zbuild-std=std,panic_abort'],
    env: { RUSTC: '/usr/bin/rustc', RUSTC_BOOTSTRAP: '1', CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER: linker },
    version: capture('/usr/bin/rustc', ['-V']),
  };
}

function librarySource() {
  const sysroot = capture('/usr/bin/rustc', ['--print', 'sysroot']);
  return sysroot !== null && existsSync(join(sysroot, 'lib', 'rustlib', 'src', 'rust', 'library', 'std', 'Cargo.toml'));
}

/** rust-lld of any rustup toolchain, else wasm-ld of any installed LLVM. */
function wasmLinker() {
  const toolchains = join(process.env.RUSTUP_HOME ?? join(homedir(), '.rustup'), 'toolchains');
  for (const name of existsSync(toolchains) ? readdirSync(toolchains) : []) {
    const rustlib = join(toolchains, name, 'lib', 'rustlib');
    for (const host of existsSync(rustlib) ? readdirSync(rustlib) : []) {
      const linker = join(rustlib, host, 'bin', 'rust-lld');
      if (existsSync(linker)) return linker;
    }
  }
  const llvm = existsSync('/usr/lib') ? readdirSync('/usr/lib').filter((n) => n.startsWith('llvm-')).map((n) => `/usr/lib/${n}/bin/wasm-ld`) : [];
  return which('wasm-ld') ?? llvm.find((path) => existsSync(path)) ?? null;
}
