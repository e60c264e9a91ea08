// Heads that are whole vec4s.
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

fn load(base: u32, d: u32) -> vec4<f32> { return x[base / 4u + d]; }

fn store(base: u32, d: u32, v: vec4<f32>) { y[base / 4u + d] = v; }

fn clear(begin: u32, end: u32) {}
