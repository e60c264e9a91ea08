// y = activation(x W^T + b) (+ residual): what every tiling shares.
//
// Rows of x and y are vec4s, padded with zeros to a multiple of four columns. W comes in blocks of 4 inputs by 4 outputs,
// [in / 4][out / 4], four more rows of blocks for the outlier inputs at the end; a block is a matrix whose columns are
// inputs, so that W_block * x_block adds to four outputs. DTYPE: 0 int8 (a u32 an input), 1 f32 (a vec4 an input).
//
// int8 is unpacked without a shift, which SSE has not for each lane (2.3 times as fast where a processor plays the GPU): a
// byte stays in its place in the word, its factor of 2^8, 2^16 or 2^24 is taken off by the scales; the lower three bytes
// are stored 128 too high, the highest has its own sign.

struct Params { rows: u32, in4: u32, out4: u32, outliers4: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> w: array<vec4<u32>>;
// [out / 4][3]: scales, biases, scales of the outliers
@group(0) @binding(3) var<storage, read> columns: array<vec4<f32>>;
// which inputs are outliers
@group(0) @binding(4) var<storage, read> outliers: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4<f32>>;

fn weights4(q: u32) -> vec4<f32> {
  let placed = bitcast<vec4<i32>>(vec4<u32>(q) & vec4<u32>(0xffu, 0xff00u, 0xff0000u, 0xff000000u));
  return vec4<f32>(placed) - vec4<f32>(128.0, 32768.0, 8388608.0, 0.0);
}

fn block(in4: u32, out4: u32) -> mat4x4<f32> {
  let at = in4 * p.out4 + out4;
  if (DTYPE == 1u) {
    return mat4x4<f32>(bitcast<vec4<f32>>(w[at * 4u]), bitcast<vec4<f32>>(w[at * 4u + 1u]),
      bitcast<vec4<f32>>(w[at * 4u + 2u]), bitcast<vec4<f32>>(w[at * 4u + 3u]));
  }
  let q = w[at];
  return mat4x4<f32>(weights4(q.x), weights4(q.y), weights4(q.z), weights4(q.w));
}

fn apart(row: u32, at: u32) -> vec4<f32> {
  let c = outliers[at];
  let base = row * p.in4;
  return vec4<f32>(x[base + c.x / 4u][c.x % 4u], x[base + c.y / 4u][c.y % 4u], x[base + c.z / 4u][c.z % 4u], x[base + c.w / 4u][c.w % 4u]);
}

fn finish(row: u32, out4: u32, main: vec4<f32>, outlying: vec4<f32>) {
  if (row >= p.rows || out4 >= p.out4) { return; }
  let at = row * p.out4 + out4;
  let sum = main * columns[out4 * 3u] + outlying * columns[out4 * 3u + 2u] + columns[out4 * 3u + 1u];
  y[at] = add_residual(at, activate(sum));
}
