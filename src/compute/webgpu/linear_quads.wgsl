enable subgroups;
// As `linear_direct.wgsl`, and the four threads of a quad share what they read of x: each reads one column of four and gives it
// to the others. For processors that play a GPU: they read thread by thread and number by number, and a vec4 takes them longer
// than a block's product with it. All threads of a workgroup have the same rows, so that it does not matter which of them are a quad.
@group(0) @binding(1) var<storage, read> x: array<f32>;

fn shared4(own: f32) -> vec4<f32> {
  return vec4<f32>(quadBroadcast(own, 0u), quadBroadcast(own, 1u), quadBroadcast(own, 2u), quadBroadcast(own, 3u));
}

@compute @workgroup_size(16)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) thread: u32) {
  // Browsers ask for the lengths of arrays before each read; what was asked here is not asked again.
  if (arrayLength(&x) == 0u || arrayLength(&w) == 0u) { return; }
  let lane = thread % 4u;
  let col = id.x * C;
  let row = group.y * R;
  let from{r} = min(row + {r}u, p.rows - 1u) * p.in4 * 4u; //@ r
  let col{c} = min(col + {c}u, p.out4 - 1u); //@ c
  var y{r}_{c} = vec4<f32>(0.0); //@ r c
  for (var k = 0u; k < p.in4; k++) {
    let x{r} = x[from{r} + k * 4u + lane]; //@ r
    let w{c} = block(k, col{c}); //@ c
    let v{r} = shared4(x{r}); //@ r
    y{r}_{c} += w{c} * v{r}; //@ r c
  }
  var z{r}_{c} = vec4<f32>(0.0); //@ r c
  for (var k = 0u; k < p.outliers4; k++) {
    let at = outliers[k][lane];
    let x{r} = x[from{r} + at]; //@ r
    let w{c} = block(p.in4 + k, col{c}); //@ c
    let v{r} = shared4(x{r}); //@ r
    z{r}_{c} += w{c} * v{r}; //@ r c
  }
  // In a loop: compilers take longer for as many copies of an activation, and a start waits for them.
  var ys: array<vec4<f32>, R * C>;
  var zs: array<vec4<f32>, R * C>;
  ys[{r}u * C + {c}u] = y{r}_{c}; //@ r c
  zs[{r}u * C + {c}u] = z{r}_{c}; //@ r c
  for (var i = 0u; i < R * C; i++) { finish(row + i / C, col + i % C, ys[i], zs[i]); }
}
