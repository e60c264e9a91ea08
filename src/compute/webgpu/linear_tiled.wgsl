// A workgroup of 16 by 8 threads makes 8r rows by 64c outputs; slices of 16 inputs go through shared memory, weights
// dequantized once a workgroup.
const ROWS: u32 = 8u * R;
const COLS4: u32 = 16u * C;
const SLICE4: u32 = 4u;

var<workgroup> xs: array<vec4<f32>, SLICE4 * ROWS>;
// [input of the slice][COLS4]
var<workgroup> ws: array<vec4<f32>, SLICE4 * 4u * COLS4>;

fn stage(thread: u32, k: u32, weights_at: u32, limit: u32, first_row: u32, first_col: u32, outlying: bool) {
  for (var i = thread; i < SLICE4 * ROWS; i += 128u) {
    let k4 = k + i % SLICE4;
    let row = min(first_row + i / SLICE4, p.rows - 1u);
    var v = vec4<f32>(0.0);
    if (k4 < limit) {
      if (outlying) { v = apart(row, k4); } else { v = x[row * p.in4 + k4]; }
    }
    xs[(i % SLICE4) * ROWS + i / SLICE4] = v;
  }
  for (var i = thread; i < SLICE4 * COLS4; i += 128u) {
    let k4 = i / COLS4;
    let col = min(first_col + i % COLS4, p.out4 - 1u);
    let b = block(weights_at + min(k + k4, limit - 1u), col);
    ws[(k4 * 4u + {j}u) * COLS4 + i % COLS4] = b[{j}u]; //@ j
  }
}

@compute @workgroup_size(16, 8)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let thread = local.y * 16u + local.x;
  let first_row = group.y * ROWS;
  let first_col = group.x * COLS4;
  var y{r}_{c} = vec4<f32>(0.0); //@ r c
  for (var k = 0u; k < p.in4; k += SLICE4) {
    stage(thread, k, 0u, p.in4, first_row, first_col, false);
    workgroupBarrier();
    for (var i = 0u; i < SLICE4; i++) {
      let x{r} = xs[i * ROWS + local.y + {r}u * 8u]; //@ r
      let w{c}_{j} = ws[(i * 4u + {j}u) * COLS4 + local.x + {c}u * 16u]; //@ c j
      y{r}_{c} += mat4x4<f32>(w{c}_0, w{c}_1, w{c}_2, w{c}_3) * x{r}; //@ r c
    }
    workgroupBarrier();
  }
  var z{r}_{c} = vec4<f32>(0.0); //@ r c
  for (var k = 0u; k < p.outliers4; k += SLICE4) {
    stage(thread, k, p.in4, p.outliers4, first_row, first_col, true);
    workgroupBarrier();
    for (var i = 0u; i < SLICE4; i++) {
      let x{r} = xs[i * ROWS + local.y + {r}u * 8u]; //@ r
      let w{c}_{j} = ws[(i * 4u + {j}u) * COLS4 + local.x + {c}u * 16u]; //@ c j
      z{r}_{c} += mat4x4<f32>(w{c}_0, w{c}_1, w{c}_2, w{c}_3) * x{r}; //@ r c
    }
    workgroupBarrier();
  }
  finish(first_row + local.y + {r}u * 8u, first_col + local.x + {c}u * 16u, y{r}_{c}, z{r}_{c}); //@ r c
}
