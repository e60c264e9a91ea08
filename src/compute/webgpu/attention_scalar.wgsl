// Heads of any width: numbers one by one, zeros beyond the width.
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

fn load(base: u32, d: u32) -> vec4<f32> {
  var v = vec4<f32>(x[base + d * 4u], 0.0, 0.0, 0.0);
  if (d * 4u + 1u < WIDTH) { v.y = x[base + d * 4u + 1u]; }
  if (d * 4u + 2u < WIDTH) { v.z = x[base + d * 4u + 2u]; }
  if (d * 4u + 3u < WIDTH) { v.w = x[base + d * 4u + 3u]; }
  return v;
}

fn store(base: u32, d: u32, v: vec4<f32>) {
  y[base + d * 4u] = v.x;
  if (d * 4u + 1u < WIDTH) { y[base + d * 4u + 1u] = v.y; }
  if (d * 4u + 2u < WIDTH) { y[base + d * 4u + 2u] = v.z; }
  if (d * 4u + 3u < WIDTH) { y[base + d * 4u + 3u] = v.w; }
}

// The padding of a row keeps its zeros.
fn clear(begin: u32, end: u32) {
  for (var c = begin; c < end; c++) { y[c] = 0.0; }
}
