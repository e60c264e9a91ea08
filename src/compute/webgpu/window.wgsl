// The row of x that tap (ky, kx) of the window of output row `row` sees; OUTSIDE where that is not in the image.
const OUTSIDE: u32 = 0xffffffffu;

fn seen(row: u32, ky: u32, kx: u32) -> u32 {
  let position = row % OUTPUTS;
  let line = position / OUT_WIDTH * STRIDE + ky;
  let column = position % OUT_WIDTH * STRIDE + kx;
  if (line < TOP || line - TOP >= HEIGHT || column < LEFT || column - LEFT >= IMAGE_WIDTH) { return OUTSIDE; }
  return row / OUTPUTS * INPUTS + (line - TOP) * IMAGE_WIDTH + column - LEFT;
}
