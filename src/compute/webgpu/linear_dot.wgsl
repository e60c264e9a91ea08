// int8 alone, as `linear_tiled.wgsl`, by sums of products of four bytes: slices of 32 inputs go through shared memory, those of x
// as bytes with a scale for each row and slice. Scales are powers of two, so that what becomes of a number is the same on every
// device. Outlier inputs are left out of the slices and multiplied as they are.
const ROWS: u32 = 8u * R;
const COLS4: u32 = 16u * C;
const SLICE4: u32 = 8u;

// [inputs of the slice / 4][ROWS], a byte an input
var<workgroup> xs: array<u32, SLICE4 * ROWS>;
var<workgroup> scales: array<f32, ROWS>;
// [inputs of the slice / 4][COLS4], a word an output, a byte an input
var<workgroup> ws: array<vec4<u32>, SLICE4 * COLS4>;

// Four inputs of a row, zeros for outliers and behind the last.
fn inputs4(row: u32, k4: u32, kept: u32) -> vec4<f32> {
  if (k4 >= p.in4) { return vec4<f32>(0.0); }
  let bits = vec4<u32>(kept >> (k4 % 8u * 4u)) & vec4<u32>(1u, 2u, 4u, 8u);
  return select(vec4<f32>(0.0), x[row * p.in4 + k4], bits != vec4<u32>(0u));
}

fn stage_row(at: u32, row: u32, k: u32) {
  // Behind the outliers stands a bit an input that is none.
  let kept = outliers[p.outliers4 + k / 32u][k / 8u % 4u];
  var most = 0.0;
  for (var i = 0u; i < SLICE4; i++) {
    let v = abs(inputs4(row, k + i, kept));
    most = max(most, max(max(v.x, v.y), max(v.z, v.w)));
  }
  // 2^e <= most < 2^(e + 1): numbers become bytes by 2^(6 - e).
  let e = clamp(bitcast<u32>(most) >> 23u, 7u, 253u);
  let scale = bitcast<f32>((260u - e) << 23u);
  for (var i = 0u; i < SLICE4; i++) {
    let q = vec4<i32>(clamp(round(inputs4(row, k + i, kept) * scale), vec4<f32>(-127.0), vec4<f32>(127.0)));
    let bytes = vec4<u32>(q & vec4<i32>(255)) << vec4<u32>(0u, 8u, 16u, 24u);
    xs[i * ROWS + at] = bytes.x | bytes.y | bytes.z | bytes.w;
  }
  scales[at] = bitcast<f32>((e - 6u) << 23u);
}

// A block with a word an output.
fn turned(in4: u32, out4: u32) -> vec4<u32> {
  if (in4 >= p.in4) { return vec4<u32>(0u); }
  let q = swapped(w[in4 * p.out4 + out4], out4 * SWAPPED) ^ vec4<u32>(0x808080u);
  let even = (q.xz & vec2<u32>(0xff00ffu)) | ((q.yw & vec2<u32>(0xff00ffu)) << vec2<u32>(8u));
  let odd = ((q.xz >> vec2<u32>(8u)) & vec2<u32>(0xff00ffu)) | (q.yw & vec2<u32>(0xff00ff00u));
  let low = (vec2<u32>(even.x, odd.x) & vec2<u32>(0xffffu)) | (vec2<u32>(even.y, odd.y) << vec2<u32>(16u));
  let high = (vec2<u32>(even.x, odd.x) >> vec2<u32>(16u)) | (vec2<u32>(even.y, odd.y) & vec2<u32>(0xffff0000u));
  return vec4<u32>(low, high);
}

@compute @workgroup_size(16, 8)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let thread = local.y * 16u + local.x;
  let first_row = group.y * ROWS;
  let first_col = group.x * COLS4;
  let row{r} = first_row + local.y + {r}u * 8u; //@ r
  let col{c} = first_col + local.x + {c}u * 16u; //@ c
  var y{r}_{c} = vec4<f32>(0.0); //@ r c
  for (var k = 0u; k < p.in4; k += SLICE4) {
    for (var i = thread; i < ROWS; i += 128u) { stage_row(i, min(first_row + i, p.rows - 1u), k); }
    for (var i = thread; i < SLICE4 * COLS4; i += 128u) { ws[i] = turned(k + i / COLS4, min(first_col + i % COLS4, p.out4 - 1u)); }
    workgroupBarrier();
    var d{r}_{c} = vec4<i32>(0); //@ r c
    for (var i = 0u; i < SLICE4; i++) {
      let x{r} = xs[i * ROWS + local.y + {r}u * 8u]; //@ r
      let w{c} = ws[i * COLS4 + local.x + {c}u * 16u]; //@ c
      d{r}_{c} += vec4<i32>(dot4I8Packed(w{c}.x, x{r}), dot4I8Packed(w{c}.y, x{r}), dot4I8Packed(w{c}.z, x{r}), dot4I8Packed(w{c}.w, x{r})); //@ r c
    }
    let s{r} = scales[local.y + {r}u * 8u]; //@ r
    y{r}_{c} += vec4<f32>(d{r}_{c}) * s{r}; //@ r c
    workgroupBarrier();
  }
  var z{r}_{c} = vec4<f32>(0.0); //@ r c
  for (var k = 0u; k < p.outliers4; k++) {
    let x{r} = apart(min(row{r}, p.rows - 1u), k); //@ r
    let w{c} = block(p.in4 + k, min(col{c}, p.out4 - 1u)); //@ c
    z{r}_{c} += w{c} * x{r}; //@ r c
  }
  // Scales of outputs take off the places that bytes have in other tilings.
  finish(row{r}, col{c}, y{r}_{c} * vec4<f32>(1.0, 256.0, 65536.0, 16777216.0), z{r}_{c}); //@ r c
}
