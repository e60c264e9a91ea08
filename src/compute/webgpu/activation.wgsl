// What is applied to each number after a product; ACTIVATION chooses. All of them keep zeros, so padding stays padding.

// Abramowitz and Stegun 7.1.26, absolute error of erf below 1.5e-7.
fn gelu(v: vec4<f32>) -> vec4<f32> {
  let a = abs(v) * 0.70710678;
  let t = 1.0 / (1.0 + 0.3275911 * a);
  let poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  let erf = 1.0 - poly * exp(-a * a);
  return 0.5 * v + 0.5 * abs(v) * erf;
}

// A builtin tanh overflows on some drivers.
fn tanh4(v: vec4<f32>) -> vec4<f32> { return 1.0 - 2.0 / (exp(2.0 * v) + 1.0); }

fn activate(v: vec4<f32>) -> vec4<f32> {
  switch ACTIVATION {
    case 1u: { return gelu(v); }
    case 2u: { return max(v, vec4<f32>(0.0)); }
    case 3u: { return tanh4(v); }
    case 4u: { return 0.5 * v * (1.0 + tanh4(0.79788456 * (v + 0.044715 * v * v * v))); }
    case 5u: { return v / (1.0 + exp(-1.702 * v)); }
    case 6u: { return clamp(v, vec4<f32>(0.0), vec4<f32>(6.0)); }
    default: { return v; }
  }
}
