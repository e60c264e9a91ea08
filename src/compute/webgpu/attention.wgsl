// Attention within each item, a thread a query and head: one pass over the keys that it sees with a running maximum
// (Milakov and Gimelshein 2018, "Online normalizer calculation for softmax"). Nothing is padded: bounds say where the
// item of a row begins and ends. WIDTH: numbers of a head; d counts its vec4s. ENTRIES: of the table of biases, or 0.

struct Params { rows: u32, heads: u32, in4: u32, out4: u32, causal: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(2) var<storage, read> bounds: array<vec2<u32>>;
// [entries][heads]
@group(0) @binding(4) var<storage, read> biases: array<f32>;

// The bias of a distance.
fn bias(distance: i32, head: u32) -> f32 {
  let entry = max(min(distance + i32(ENTRIES / 2u), i32(ENTRIES) - 1), 0);
  return biases[u32(entry) * p.heads + head];
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let row = group.y * 64u + local.x;
  let head = group.x;
  if (row >= p.rows) { return; }
  let stride = p.in4 * 4u;
  let dim = p.heads * WIDTH;
  let at = row * stride + head * WIDTH;
  let scale = inverseSqrt(f32(WIDTH));
  let q{d} = load(at, {d}u) * scale; //@ d
  var a{d} = vec4<f32>(0.0); //@ d
  var most = -3.0e38;
  var total = 0.0;
  let range = bounds[row];
  let seen = keys(row, range);
  for (var i = 0u; i < seen.count; i++) {
    let key = range.x + key_at(seen, i);
    let base = key * stride + dim + head * WIDTH;
    var score = 0.0;
    if (ENTRIES > 0u) { score = bias(place(row - range.x) - place(key - range.x), head); }
    score += dot(q{d}, load(base, {d}u)); //@ d
    let higher = max(most, score);
    let keep = exp(most - higher);
    let weight = exp(score - higher);
    most = higher;
    total = total * keep + weight;
    a{d} = a{d} * keep + weight * load(base + dim, {d}u); //@ d
  }
  let inverse = 1.0 / total;
  let to = row * p.out4 * 4u + head * WIDTH;
  store(to, {d}u, a{d} * inverse); //@ d
  if (head + 1u == p.heads) { clear(row * p.out4 * 4u + dim, (row + 1u) * p.out4 * 4u); }
}
