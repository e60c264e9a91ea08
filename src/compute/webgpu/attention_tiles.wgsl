// A row sees those of its tile: SIDE lines of SIDE columns of an image of lines of LINE; CUT of the first tiles lie outside.
struct Seen { count: u32, first: u32, across: u32 }

// The first position of a tile along one axis of `size` positions, and how many it has.
fn span(at: u32, size: u32) -> vec2<u32> {
  let tile = (at + CUT) / SIDE * SIDE;
  let first = max(tile, CUT) - CUT;
  return vec2<u32>(first, min(tile + SIDE - CUT, size) - first);
}

fn keys(row: u32, range: vec2<u32>) -> Seen {
  let lines = span((row - range.x) / LINE, (range.y - range.x) / LINE);
  let columns = span((row - range.x) % LINE, LINE);
  return Seen(lines.y * columns.y, lines.x * LINE + columns.x, columns.y);
}

fn key_at(seen: Seen, i: u32) -> u32 { return seen.first + i / seen.across * LINE + i % seen.across; }

fn place(row: u32) -> i32 { return i32(row / LINE * (2u * SIDE - 1u) + row % LINE); }
