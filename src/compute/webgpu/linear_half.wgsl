enable f16;
// int8 alone, as `linear_tiled.wgsl` with halves in shared memory: four inputs are multiplied and summed in half precision, and what
// they give is summed in f32. Weights are 128ths, so that four products stay within what a half holds for activations up to 16,000;
// larger ones are cut. Outlier inputs are multiplied as they are.
const ROWS: u32 = 8u * R;
const COLS4: u32 = 16u * C;
const SLICE4: u32 = 4u;
const MOST = vec4<f32>(16000.0);
// What a byte's place in its word and the 128 take off, and the outputs are given back.
const PLACES = vec4<f32>(128.0, 32768.0, 8388608.0, 2147483648.0);

var<workgroup> xs: array<vec4<f16>, SLICE4 * ROWS>;
// [input of the slice][COLS4]
var<workgroup> ws: array<vec4<f16>, SLICE4 * 4u * COLS4>;

@compute @workgroup_size(16, 8)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let thread = local.y * 16u + local.x;
  let first_row = group.y * ROWS;
  let first_col = group.x * COLS4;
  let row{r} = first_row + local.y + {r}u * 8u; //@ r
  let col{c} = first_col + local.x + {c}u * 16u; //@ c
  var y{r}_{c} = vec4<f32>(0.0); //@ r c
  for (var k = 0u; k < p.in4; k += SLICE4) {
    for (var i = thread; i < SLICE4 * ROWS; i += 128u) {
      let k4 = k + i % SLICE4;
      let v = x[min(first_row + i / SLICE4, p.rows - 1u) * p.in4 + min(k4, p.in4 - 1u)];
      xs[(i % SLICE4) * ROWS + i / SLICE4] = select(vec4<f16>(0.0h), vec4<f16>(clamp(v, -MOST, MOST)), k4 < p.in4);
    }
    for (var i = thread; i < SLICE4 * COLS4; i += 128u) {
      let k4 = i / COLS4;
      let b = block(min(k + k4, p.in4 - 1u), min(first_col + i % COLS4, p.out4 - 1u));
      ws[(k4 * 4u + {j}u) * COLS4 + i % COLS4] = vec4<f16>(b[{j}u] / PLACES); //@ j
    }
    workgroupBarrier();
    for (var i = 0u; i < SLICE4; i++) {
      let x{r} = xs[i * ROWS + local.y + {r}u * 8u]; //@ r
      let w{c}_{j} = ws[(i * 4u + {j}u) * COLS4 + local.x + {c}u * 16u]; //@ c j
      y{r}_{c} += vec4<f32>(mat4x4<f16>(w{c}_0, w{c}_1, w{c}_2, w{c}_3) * x{r}); //@ r c
    }
    workgroupBarrier();
  }
  var z{r}_{c} = vec4<f32>(0.0); //@ r c
  for (var k = 0u; k < p.outliers4; k++) {
    let x{r} = apart(min(row{r}, p.rows - 1u), k); //@ r
    let w{c} = block(p.in4 + k, min(col{c}, p.out4 - 1u)); //@ c
    z{r}_{c} += w{c} * x{r}; //@ r c
  }
  finish(row{r}, col{c}, y{r}_{c} * PLACES, z{r}_{c}); //@ r c
}
