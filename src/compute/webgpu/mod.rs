//! The WebGPU executor: in browsers on WebGPU, natively on Vulkan, Metal or DirectX 12, by `wgpu`.
//!
//! A value lives on the device as rows of vec4s, its columns padded with zeros to a multiple of four; rows of a batch stand
//! end to end as on the CPU. Each op is one dispatch ([`step::Step`]); a run is one submission and one readback ([`run`]).
//! One stem an op: `linear.rs` prepares, `linear*.wgsl` computes, `compute/cpu/linear` is the twin. What is known to go wrong on devices:
//! [`device`], [`super::probe`].

mod activation;
mod attention;
mod attention_pool;
mod depthwise;
pub mod device;
mod embed;
mod input;
mod layer_norm;
mod linear;
mod lstm;
mod normalize;
mod pool;
mod positions;
mod readback;
pub mod run;
pub mod scan;
pub mod shader;
mod step;
mod unfold;
mod wait;
mod window;

pub use device::{Adapter, Extras, Found, Gpu};
pub use linear::{Seen, Tiling, Tilings};
pub use run::GpuModel;
pub use scan::GpuScan;
pub use step::Length;
