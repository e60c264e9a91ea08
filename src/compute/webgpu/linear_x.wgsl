// x by vec4s.
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;

fn apart(row: u32, at: u32) -> vec4<f32> {
  let c = outliers[at];
  let base = row * p.in4;
  return vec4<f32>(x[base + c.x / 4u][c.x % 4u], x[base + c.y / 4u][c.y % 4u], x[base + c.z / 4u][c.z % 4u], x[base + c.w / 4u][c.w % 4u]);
}
