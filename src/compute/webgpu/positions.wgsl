// y[item] = learned rows, then the item's own, plus a table; a thread for four columns.

struct Params { rows: u32, cols4: u32, learned: u32, each: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> table: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(16, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= p.cols4 || id.y >= p.rows) { return; }
  let at = id.y % p.each;
  var v = table[at * p.cols4 + id.x];
  if (at >= p.learned) {
    let row = id.y / p.each * (p.each - p.learned) + at - p.learned;
    v += x[row * p.cols4 + id.x];
  }
  y[id.y * p.cols4 + id.x] = v;
}
