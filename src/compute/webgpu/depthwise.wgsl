// y[position][c] = activation(b[c] + sum over the window's taps of w[tap][c] * x[..][c]), a thread for four channels.

struct Params { rows: u32, cols4: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
// [taps + 1][cols4], the biases last
@group(0) @binding(2) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(16, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= p.cols4 || id.y >= p.rows) { return; }
  var sum = w[KERNEL * KERNEL * p.cols4 + id.x];
  for (var ky = 0u; ky < KERNEL; ky++) {
    for (var kx = 0u; kx < KERNEL; kx++) {
      let row = seen(id.y, ky, kx);
      if (row != OUTSIDE) { sum += w[(ky * KERNEL + kx) * p.cols4 + id.x] * x[row * p.cols4 + id.x]; }
    }
  }
  y[id.y * p.cols4 + id.x] = activate(sum);
}
