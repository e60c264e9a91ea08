enable subgroups;
// As `linear_direct.wgsl`, and the four threads of a quad share what they read of x: each reads one column of four and gives it to
// the others. int8 takes them by swaps, thread t in the order t, t ^ 1, t ^ 2, t ^ 3, and so its weights. For processors that play a
// GPU: they read thread by thread and number by number, a hundred instructions each time (a broadcast is twenty, a swap is one), and
// slow down where a loop outgrows their caches of instructions, as unrolled ones and larger tiles do.
// All threads of a workgroup have the same rows, so that it does not matter which of them are a quad; but where weights are SWAPPED,
// the outputs of a thread and its place in the quad have to be the same modulo four, as they are where threads are numbered in a row.
@group(0) @binding(1) var<storage, read> x: array<f32>;

// A block of weights; the inputs of int8 in a thread's order.
fn mine(k: u32, out4: u32, col: u32, lane: u32) -> mat4x4<f32> {
  if (DTYPE > 0u) { return block(k, col); }
  var q = w[k * out4 + col];
  if (SWAPPED == 0u) { q = swapped(q, lane); }
  return mat4x4<f32>(weights4(q.x), weights4(q.y), weights4(q.z), weights4(q.w));
}

// Four inputs in the order of the weights.
fn shared4(own: f32) -> vec4<f32> {
  if (DTYPE > 0u) { return vec4<f32>(quadBroadcast(own, 0u), quadBroadcast(own, 1u), quadBroadcast(own, 2u), quadBroadcast(own, 3u)); }
  return vec4<f32>(own, quadSwapX(own), quadSwapY(own), quadSwapDiagonal(own));
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32, @builtin(subgroup_invocation_id) thread: u32) {
  // Browsers ask for the lengths of arrays before each read; what was asked here is not asked again.
  if (arrayLength(&x) == 0u || arrayLength(&w) == 0u) { return; }
  let lane = thread % 4u;
  let in4 = p.in4;
  let out4 = p.out4;
  let col = group.x * 8u * C + local;
  let row = group.y * R;
  let from{r} = min(row + {r}u, p.rows - 1u) * in4 * 4u; //@ r
  let col{c} = min(col + {c}u * 8u, out4 - 1u); //@ c
  var y{r}_{c} = vec4<f32>(0.0); //@ r c
  for (var k = 0u; k < in4; k++) {
    let x{r} = x[from{r} + k * 4u + lane]; //@ r
    let w{c} = mine(k, out4, col{c}, lane); //@ c
    let v{r} = shared4(x{r}); //@ r
    y{r}_{c} += w{c} * v{r}; //@ r c
  }
  var ys: array<vec4<f32>, R * C>;
  ys[{r}u * C + {c}u] = y{r}_{c}; //@ r c
  var z{r}_{c} = vec4<f32>(0.0); //@ r c
  for (var k = 0u; k < p.outliers4; k++) {
    let at = outliers[k][lane];
    let x{r} = x[from{r} + at]; //@ r
    let w{c} = mine(in4 + k, out4, col{c}, lane); //@ c
    let v{r} = shared4(x{r}); //@ r
    z{r}_{c} += w{c} * v{r}; //@ r c
  }
  var zs: array<vec4<f32>, R * C>;
  zs[{r}u * C + {c}u] = z{r}_{c}; //@ r c
  // In loops: compilers take longer for as many copies of an activation, and a start waits for them.
  for (var c = 0u; c < C; c++) {
    let to = col + c * 8u;
    let at = min(to, out4 - 1u) * 3u;
    let scale = columns[at];
    let bias = columns[at + 1u];
    let outlying = columns[at + 2u];
    for (var r = 0u; r < R; r++) {
      let i = r * C + c;
      if (row + r < p.rows && to < out4) { put(row + r, to, ys[i] * scale + zs[i] * outlying + bias); }
    }
  }
}
