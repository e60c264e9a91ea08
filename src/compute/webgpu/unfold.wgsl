// y[position] = what its window sees: lines of the window, then columns, then channels; a thread for four numbers.

struct Params { rows: u32, channels: u32, in4: u32, out4: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

fn number(row: u32, at: u32) -> f32 {
  let tap = at / p.channels;
  if (tap >= KERNEL * KERNEL_WIDTH) { return 0.0; }
  let from_row = seen(row, tap / KERNEL_WIDTH, tap % KERNEL_WIDTH);
  if (from_row == OUTSIDE) { return 0.0; }
  return x[from_row * p.in4 * 4u + at % p.channels];
}

@compute @workgroup_size(16, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= p.out4 || id.y >= p.rows) { return; }
  let at = id.x * 4u;
  let v{j} = number(id.y, at + {j}u); //@ j
  y[id.y * p.out4 + id.x] = vec4<f32>(v0, v1, v2, v3);
}
