// One learned query to the rows of each item, a thread an item and head; as attention.wgsl otherwise. An item without rows
// gives zeros.

struct Params { items: u32, heads: u32, in4: u32, out4: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(2) var<storage, read> bounds: array<vec2<u32>>;
@group(0) @binding(4) var<storage, read> query: array<f32>;

fn asked(head: u32, at: u32) -> f32 {
  return select(0.0, query[min(head * WIDTH + at, p.heads * WIDTH - 1u)], at < WIDTH);
}

@compute @workgroup_size(16, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let head = id.x;
  if (head >= p.heads || id.y >= p.items) { return; }
  let dim = p.heads * WIDTH;
  let scale = inverseSqrt(f32(WIDTH));
  let q{d} = scale * vec4<f32>(asked(head, {d}u * 4u), asked(head, {d}u * 4u + 1u), asked(head, {d}u * 4u + 2u), asked(head, {d}u * 4u + 3u)); //@ d
  var a{d} = vec4<f32>(0.0); //@ d
  var most = -3.0e38;
  var total = 0.0;
  let range = bounds[id.y];
  for (var key = range.x; key < range.y; key++) {
    let base = key * p.in4 * 4u + head * WIDTH;
    var score = 0.0;
    score += dot(q{d}, load(base, {d}u)); //@ d
    let higher = max(most, score);
    let keep = exp(most - higher);
    let weight = exp(score - higher);
    most = higher;
    total = total * keep + weight;
    a{d} = a{d} * keep + weight * load(base + dim, {d}u); //@ d
  }
  let inverse = select(0.0, 1.0 / total, range.y > range.x);
  let to = id.y * p.out4 * 4u + head * WIDTH;
  store(to, {d}u, a{d} * inverse); //@ d
  if (head + 1u == p.heads) { clear(id.y * p.out4 * 4u + dim, (id.y + 1u) * p.out4 * 4u); }
}
