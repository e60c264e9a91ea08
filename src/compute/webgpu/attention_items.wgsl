// A row sees those of its item, or of them itself and those before it.
struct Seen { count: u32 }

fn keys(row: u32, range: vec2<u32>) -> Seen {
  return Seen(select(range.y, min(range.y, row + 1u), p.causal == 1u) - range.x);
}

fn key_at(seen: Seen, i: u32) -> u32 { return i; }

fn place(row: u32) -> i32 { return i32(row); }
