// Each row to unit length (rows of zeros stay), eight threads a row, eight rows a workgroup.

struct Params { rows: u32, cols4: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(8, 8)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let row = group.y * 8u + local.y;
  let base = min(row, p.rows - 1u) * p.cols4;
  var sum = 0.0;
  for (var c = local.x; c < p.cols4; c += 8u) {
    sum += dot(x[base + c], x[base + c]);
  }
  sums[local.y * 8u + local.x] = sum;
  workgroupBarrier();
  sum = 0.0;
  for (var i = 0u; i < 8u; i++) { sum += sums[local.y * 8u + i]; }
  if (row >= p.rows) { return; }
  let inverse = 1.0 / max(sqrt(sum), 1e-12);
  for (var c = local.x; c < p.cols4; c += 8u) { y[base + c] = x[base + c] * inverse; }
}
