// y[row] = sum over parts of scale[id] * table[id], a thread for four columns. The tables stand one after another.
// FLOATS: a bit for each part that is f32 and not int8; those stand behind the others.

struct Params { rows: u32, cols4: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> table: array<u32>;
@group(0) @binding(2) var<storage, read> scales: array<f32>;
// [part][row], ids counted from the first entry of all, as if every table had this part's numbers
@group(0) @binding(3) var<storage, read> ids: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;

fn entry(id: u32, col: u32, float: bool) -> vec4<f32> {
  if (float) {
    let at = (id * p.cols4 + col) * 4u;
    return bitcast<vec4<f32>>(vec4<u32>(table[at], table[at + 1u], table[at + 2u], table[at + 3u]));
  }
  let q = table[id * p.cols4 + col];
  return scales[id] * vec4<f32>(bitcast<vec4<i32>>(vec4<u32>(q) << vec4<u32>(24u, 16u, 8u, 0u)) >> vec4<u32>(24u));
}

@compute @workgroup_size(16, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= p.cols4 || id.y >= p.rows) { return; }
  var sum = vec4<f32>(0.0);
  for (var part = 0u; part < PARTS; part++) {
    sum += entry(ids[part * p.rows + id.y], id.x, ((FLOATS >> part) & 1u) == 1u);
  }
  y[id.y * p.cols4 + id.x] = sum;
}
