// The rows of an item to one, a thread for four columns. KIND: 0 mean, 1 first, 2 last, 3 first two.

struct Params { items: u32, cols4: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bounds: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(16, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= p.cols4 || id.y >= p.items) { return; }
  let range = bounds[id.y];
  var first = range.x;
  var last = range.y;
  if (KIND == 1u) { last = min(last, first + 1u); }
  if (KIND == 3u) { last = min(last, first + 2u); }
  if (KIND == 2u && last > first) { first = last - 1u; }
  var sum = vec4<f32>(0.0);
  for (var row = first; row < last; row++) { sum += x[row * p.cols4 + id.x]; }
  y[id.y * p.cols4 + id.x] = sum / f32(max(last - first, 1u));
}
