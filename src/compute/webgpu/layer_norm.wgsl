// y = (x - mean) / sqrt(var + eps) * weight + bias, eight rows a workgroup, THREADS a row; `total` sums over those.

struct Params { rows: u32, cols4: u32, cols: u32, eps: f32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
// [cols / 4][2]: weights, biases; zeros beyond the last column
@group(0) @binding(2) var<storage, read> columns: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(THREADS, 8u)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let thread = local.y * THREADS + local.x;
  let row = group.y * 8u + local.y;
  let base = min(row, p.rows - 1u) * p.cols4;
  var sum = 0.0;
  for (var c = local.x; c < p.cols4; c += THREADS) {
    sum += dot(x[base + c], vec4<f32>(1.0));
  }
  let mean = total(thread, sum) / f32(p.cols);
  // Columns of padding hold zeros: what each adds to the sum below is taken off again.
  var square = select(0.0, -f32(p.cols4 * 4u - p.cols) * mean * mean, local.x == 0u);
  for (var c = local.x; c < p.cols4; c += THREADS) {
    let d = x[base + c] - mean;
    square += dot(d, d);
  }
  let inverse = inverseSqrt(total(thread, square) / f32(p.cols) + p.eps);
  if (row >= p.rows) { return; }
  for (var c = local.x; c < p.cols4; c += THREADS) {
    y[base + c] = (x[base + c] - mean) * inverse * columns[c * 2u] + columns[c * 2u + 1u];
  }
}
