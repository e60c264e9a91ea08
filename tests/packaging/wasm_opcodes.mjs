//! Counts relaxed-simd instructions in a wasm module by walking its code section.
//!
//! Safari refuses a module that merely contains one, so the plain module must have none. The walk follows the immediates of
//! every instruction (WebAssembly core specification 2.0, section 5.4, and the relaxed-simd and tail-call proposals) and must
//! end each function exactly at its end, so an instruction that it does not know is an error and not a wrong count.

/** Relaxed instructions are 0xfd 0x100 to 0xfd 0x113. */
const RELAXED_FIRST = 0x100;

/** Number of relaxed-simd instructions in the module (a Uint8Array). */
export function relaxedOpcodes(bytes) {
  const reader = new Reader(bytes);
  if (reader.u32le() !== 0x6d736100 || reader.u32le() !== 1) throw new Error('not a wasm module of version 1');
  let count = 0;
  while (reader.at < bytes.length) {
    const id = reader.byte();
    const end = reader.leb() + reader.at;
    if (id === 10) {
      for (let functions = reader.leb(); functions > 0; functions -= 1) {
        const bodyEnd = reader.leb() + reader.at;
        for (let groups = reader.leb(); groups > 0; groups -= 1) {
          reader.leb();
          reader.leb();
        }
        while (reader.at < bodyEnd) count += instruction(reader);
        if (reader.at !== bodyEnd) throw new Error(`a function should end at byte ${bodyEnd}, the walk ended at ${reader.at}`);
      }
    }
    reader.at = end;
  }
  return count;
}

class Reader {
  at = 0;
  constructor(bytes) { this.bytes = bytes; }
  byte() { return this.bytes[this.at++]; }
  u32le() { return this.byte() + this.byte() * 0x100 + this.byte() * 0x10000 + this.byte() * 0x1000000; }
  /** A LEB128 number's value where it is small and unsigned; for skipping, any. */
  leb() {
    let value = 0;
    let scale = 1;
    for (let byte = 0x80; byte & 0x80; scale *= 128) {
      byte = this.byte();
      value += (byte & 0x7f) * scale;
    }
    return value;
  }
  lebs(n) { for (let i = 0; i < n; i += 1) this.leb(); }
  /** Alignment with, above 64, a memory index; then the offset. */
  memory() {
    if (this.leb() >= 64) this.leb();
    this.leb();
  }
}

/** Passes one instruction with its immediates. 1 for a relaxed one, else 0. */
function instruction(r) {
  const start = r.at;
  const op = r.byte();
  if (op === 0xfd) return vector(r);
  if (op === 0xfc) saturating(r, start);
  else if (op === 0x02 || op === 0x03 || op === 0x04) r.leb(); // block, loop, if: a block type
  else if (op === 0x0e) r.lebs(r.leb() + 1); // br_table
  else if (op === 0x11 || op === 0x13) r.lebs(2); // call_indirect, return_call_indirect
  else if ([0x0c, 0x0d, 0x10, 0x12, 0xd0, 0xd2].includes(op) || (op >= 0x20 && op <= 0x26)) r.leb(); // an index
  else if (op === 0x1c) r.lebs(r.leb()); // select with types
  else if (op >= 0x28 && op <= 0x3e) r.memory(); // loads and stores
  else if (op === 0x3f || op === 0x40 || op === 0x41 || op === 0x42) r.leb(); // memory.size, memory.grow, i32.const, i64.const
  else if (op === 0x43) r.at += 4; // f32.const
  else if (op === 0x44) r.at += 8; // f64.const
  else if (!([0x00, 0x01, 0x05, 0x0b, 0x0f, 0x1a, 0x1b, 0xd1].includes(op) || (op >= 0x45 && op <= 0xc4))) unknown(op, start);
  return 0;
}

/** 0xfc: saturating conversions and bulk memory. */
function saturating(r, start) {
  const op = r.leb();
  if (op <= 7) return;
  const immediates = { 8: 2, 9: 1, 10: 2, 11: 1, 12: 2, 13: 1, 14: 2, 15: 1, 16: 1, 17: 1 }[op];
  if (immediates === undefined) unknown(`0xfc ${op}`, start);
  r.lebs(immediates);
}

/** 0xfd: simd128 and relaxed-simd. */
function vector(r) {
  const start = r.at - 1;
  const op = r.leb();
  if (op <= 0x0b || op === 0x5c || op === 0x5d) r.memory(); // loads, splats, store
  else if (op === 0x0c || op === 0x0d) r.at += 16; // v128.const, shuffle
  else if (op >= 0x15 && op <= 0x22) r.at += 1; // lanes
  else if (op >= 0x54 && op <= 0x5b) { // load and store of one lane
    r.memory();
    r.at += 1;
  } else if (op >= RELAXED_FIRST) {
    if (op > 0x113) unknown(`0xfd ${op}`, start);
    return 1;
  }
  return 0;
}

function unknown(op, at) {
  throw new Error(`instruction ${typeof op === 'number' ? `0x${op.toString(16)}` : op} at byte ${at} is not known here; add its immediates`);
}
