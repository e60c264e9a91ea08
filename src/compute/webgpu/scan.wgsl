// Sums of products of one query with int8 rows, exact in 32 bits. Eight threads a row, eight rows a workgroup.

struct Params { rows: u32, blocks: u32, first: u32 }

@group(0) @binding(0) var<uniform> p: Params;
// Sixteen numbers a vec4, the first one in the lowest byte.
@group(0) @binding(1) var<storage, read> rows: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> query: array<vec4<i32>>;
@group(0) @binding(3) var<storage, read_write> sums: array<i32>;

var<workgroup> parts: array<i32, 64>;

fn four(word: u32) -> vec4<i32> {
  let w = bitcast<i32>(word);
  return vec4<i32>(extractBits(w, 0u, 8u), extractBits(w, 8u, 8u), extractBits(w, 16u, 8u), extractBits(w, 24u, 8u));
}

@compute @workgroup_size(8, 8)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let row = group.x * 8u + local.y;
  let base = min(row, p.rows - 1u) * p.blocks;
  var sum = 0i;
  for (var c = local.x; c < p.blocks; c += 8u) {
    let block = rows[base + c];
    let q = c * 4u;
    sum += dot(four(block.x), query[q]) + dot(four(block.y), query[q + 1u]) + dot(four(block.z), query[q + 2u]) + dot(four(block.w), query[q + 3u]);
  }
  parts[local.y * 8u + local.x] = sum;
  workgroupBarrier();
  if (local.x == 0u && row < p.rows) {
    sum = 0i;
    for (var i = 0u; i < 8u; i++) { sum += parts[local.y * 8u + i]; }
    sums[p.first + row] = sum;
  }
}
