// A thread makes r rows by 4c outputs out of registers and the caches: no shared memory, no barrier. For few rows, and for
// processors that play a GPU.
@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let col = id.x * C;
  let row = id.y * R;
  if (row >= p.rows || col >= p.out4) { return; }
  let row{r} = min(row + {r}u, p.rows - 1u); //@ r
  let col{c} = min(col + {c}u, p.out4 - 1u); //@ c
  var y{r}_{c} = vec4<f32>(0.0); //@ r c
  for (var k = 0u; k < p.in4; k++) {
    let x{r} = x[row{r} * p.in4 + k]; //@ r
    let w{c} = block(k, col{c}); //@ c
    y{r}_{c} += w{c} * x{r}; //@ r c
  }
  var z{r}_{c} = vec4<f32>(0.0); //@ r c
  for (var k = 0u; k < p.outliers4; k++) {
    let x{r} = apart(row{r}, k); //@ r
    let w{c} = block(p.in4 + k, col{c}); //@ c
    z{r}_{c} += w{c} * x{r}; //@ r c
  }
  finish(row + {r}u, col + {c}u, y{r}_{c}, z{r}_{c}); //@ r c
}
