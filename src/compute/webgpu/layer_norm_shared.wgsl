// The threads of a row tell each other.
var<workgroup> sums: array<f32, THREADS * 8u>;

fn total(thread: u32, own: f32) -> f32 {
  sums[thread] = own;
  workgroupBarrier();
  var sum = 0.0;
  for (var i = 0u; i < THREADS; i++) { sum += sums[thread / THREADS * THREADS + i]; }
  workgroupBarrier();
  return sum;
}
