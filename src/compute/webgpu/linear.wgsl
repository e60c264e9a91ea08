// y = activation(x W^T + b) (+ residual): what every tiling shares, but how x is read (binding 1).
//
// Rows of x and y are vec4s, padded with zeros to a multiple of four columns. W comes in blocks of 4 inputs by 4 outputs,
// [in / 4][out / 4], four more rows of blocks for the outlier inputs at the end; a block is a matrix whose columns are
// inputs, so that W_block * x_block adds to four outputs. DTYPE: 0 int8 (a u32 an input), 1 f32 (a vec4 an input), 2 int4
// (a u32 two inputs; the scales of the groups of inputs behind the blocks, the outliers' int8 blocks behind them), 3 f16 (two u32 an input).
//
// int8 is unpacked without a shift, which SSE has not for each lane (2.3 times as fast where a processor plays the GPU): a
// byte stays in its place in the word, its factor of 2^8, 2^16 or 2^24 is taken off by the scales; the lower three bytes
// are stored 128 too high, the highest has its own sign. SWAPPED: 1 where the inputs of int8 blocks stand as `linear_quads.wgsl`
// takes them, input i in the place i ^ (out4 % 4).

struct Params { rows: u32, in4: u32, out4: u32, outliers4: u32, has_residual: u32, activated: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(2) var<storage, read> w: array<vec4<u32>>;
// [out / 4][3]: scales, biases, scales of the outliers
@group(0) @binding(3) var<storage, read> columns: array<vec4<f32>>;
// which inputs are outliers
@group(0) @binding(4) var<storage, read> outliers: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4<f32>>;
// of y's shape; anything where there is none, so that products with and without share their pipelines
@group(0) @binding(6) var<storage, read> residual: array<vec4<f32>>;

fn weights4(q: u32) -> vec4<f32> {
  let placed = bitcast<vec4<i32>>(vec4<u32>(q) & vec4<u32>(0xffu, 0xff00u, 0xff0000u, 0xff000000u));
  return vec4<f32>(placed) - vec4<f32>(128.0, 32768.0, 8388608.0, 0.0);
}

// Words that stand in the places i ^ by, in their order, and the other way round.
fn swapped(q: vec4<u32>, by: u32) -> vec4<u32> {
  let pairs = select(q, q.yxwz, (by & 1u) == 1u);
  return select(pairs, pairs.zwxy, (by & 2u) == 2u);
}

// Half a word of four-bit weights: inputs 0 and 2 in the lower halves, 1 and 3 in the upper ones. As above, without a shift.
fn low4(q: u32) -> vec4<f32> {
  let placed = bitcast<vec4<i32>>(vec4<u32>(q) & vec4<u32>(0xfu, 0xf0u, 0xf00u, 0xf000u));
  return vec4<f32>(placed) * vec4<f32>(1.0, 0.0625, 0.00390625, 0.000244140625) - 8.0;
}

fn high4(q: u32) -> vec4<f32> {
  let placed = bitcast<vec4<i32>>(vec4<u32>(q) & vec4<u32>(0xf0000u, 0xf00000u, 0xf000000u, 0xf0000000u));
  return vec4<f32>(placed) * vec4<f32>(1.52587890625e-5, 9.5367431640625e-7, 5.9604644775390625e-8, 3.725290298461914e-9)
    - vec4<f32>(8.0, 8.0, 8.0, 0.0);
}

fn word(at: u32) -> u32 { return w[at / 4u][at % 4u]; }

fn halves4(at: u32) -> vec4<f32> { return vec4<f32>(unpack2x16float(word(at)), unpack2x16float(word(at + 1u))); }

fn block(in4: u32, out4: u32) -> mat4x4<f32> {
  let at = in4 * p.out4 + out4;
  if (DTYPE == 1u) {
    return mat4x4<f32>(bitcast<vec4<f32>>(w[at * 4u]), bitcast<vec4<f32>>(w[at * 4u + 1u]),
      bitcast<vec4<f32>>(w[at * 4u + 2u]), bitcast<vec4<f32>>(w[at * 4u + 3u]));
  }
  if (DTYPE == 2u) {
    // In vec4s: first the scales, then the outliers' blocks of int8.
    let scales_at = (p.in4 * p.out4 + 1u) / 2u;
    if (in4 >= p.in4) {
      let wide = w[scales_at + ((p.in4 + GROUP4 - 1u) / GROUP4 * p.out4 + 1u) / 2u + (in4 - p.in4) * p.out4 + out4];
      return mat4x4<f32>(weights4(wide.x), weights4(wide.y), weights4(wide.z), weights4(wide.w));
    }
    let scales = halves4(scales_at * 4u + (in4 / GROUP4 * p.out4 + out4) * 2u);
    let a = word(at * 2u);
    let b = word(at * 2u + 1u);
    return mat4x4<f32>(low4(a) * scales, high4(a) * scales, low4(b) * scales, high4(b) * scales);
  }
  if (DTYPE == 3u) {
    return mat4x4<f32>(halves4(at * 8u), halves4(at * 8u + 2u), halves4(at * 8u + 4u), halves4(at * 8u + 6u));
  }
  let q = swapped(w[at], out4 * SWAPPED);
  return mat4x4<f32>(weights4(q.x), weights4(q.y), weights4(q.z), weights4(q.w));
}

fn finish(row: u32, out4: u32, main: vec4<f32>, outlying: vec4<f32>) {
  if (row >= p.rows || out4 >= p.out4) { return; }
  put(row, out4, main * columns[out4 * 3u] + outlying * columns[out4 * 3u + 2u] + columns[out4 * 3u + 1u]);
}

fn put(row: u32, out4: u32, sum: vec4<f32>) {
  let at = row * p.out4 + out4;
  var v = sum;
  if (p.activated == 1u) { v = activate(sum); }
  if (p.has_residual == 1u) { v += residual[at]; }
  y[at] = v;
}
