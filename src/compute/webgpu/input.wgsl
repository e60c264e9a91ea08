// y = x, a thread for four columns: what the page writes stays apart from the buffers that ops share.

struct Params { rows: u32, cols4: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(16, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= p.cols4 || id.y >= p.rows) { return; }
  y[id.y * p.cols4 + id.x] = x[id.y * p.cols4 + id.x];
}
