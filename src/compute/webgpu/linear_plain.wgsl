// Without a residual.
fn add_residual(at: u32, v: vec4<f32>) -> vec4<f32> { return v; }
