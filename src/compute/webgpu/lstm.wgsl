// The recurrence of an LSTM. A workgroup a row, and that of an item's first row does the whole item: steps wait for each other.

struct Params { rows: u32, out: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> bounds: array<vec2<u32>>;
// [in][out]: the input, forget, cell and output gates
@group(0) @binding(3) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

var<workgroup> cell: array<f32, HIDDEN>;
// The state of the step before and of this one, in turn.
var<workgroup> state: array<f32, 2u * HIDDEN>;

fn sigmoid(v: f32) -> f32 { return 1.0 / (1.0 + exp(-v)); }

// A builtin tanh overflows on some drivers.
fn bent(v: f32) -> f32 { return 1.0 - 2.0 / (exp(2.0 * v) + 1.0); }

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let range = bounds[group.y];
  if (range.x != group.y) { return; }
  for (var j = local.x; j < HIDDEN; j += 64u) {
    cell[j] = 0.0;
    state[j] = 0.0;
  }
  workgroupBarrier();
  for (var row = range.x; row < range.y; row++) {
    let before = (row - range.x) % 2u * HIDDEN;
    for (var j = local.x; j < p.out; j += 64u) {
      var h = 0.0;
      if (j < HIDDEN) {
        let own = row * 4u * HIDDEN + j;
        var gates = vec4<f32>(x[own], x[own + HIDDEN], x[own + 2u * HIDDEN], x[own + 3u * HIDDEN]);
        for (var k = 0u; k < HIDDEN; k++) { gates += w[k * HIDDEN + j] * state[before + k]; }
        let c = sigmoid(gates.y) * cell[j] + sigmoid(gates.x) * bent(gates.z);
        h = sigmoid(gates.w) * bent(c);
        cell[j] = c;
        state[HIDDEN - before + j] = h;
      }
      y[row * p.out + j] = h;
    }
    workgroupBarrier();
  }
}
