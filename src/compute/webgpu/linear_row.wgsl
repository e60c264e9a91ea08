// A matrix by a vector: 8 blocks of outputs a workgroup, the inputs split over 16 threads each and summed in shared memory.
var<workgroup> sums: array<vec4<f32>, 256>;

@compute @workgroup_size(8, 16)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let row = group.y;
  let out4 = group.x * 8u + local.x;
  let col = min(out4, p.out4 - 1u);
  var y = vec4<f32>(0.0);
  for (var k = local.y; k < p.in4; k += 16u) {
    y += block(k, col) * x[row * p.in4 + k];
  }
  var z = vec4<f32>(0.0);
  for (var k = local.y; k < p.outliers4; k += 16u) {
    z += block(p.in4 + k, col) * apart(row, k);
  }
  let at = local.y * 8u + local.x;
  sums[at] = y;
  sums[128u + at] = z;
  workgroupBarrier();
  if (local.y == 0u) {
    for (var i = 1u; i < 16u; i++) {
      y += sums[i * 8u + local.x];
      z += sums[128u + i * 8u + local.x];
    }
    finish(row, out4, y, z);
  }
}
