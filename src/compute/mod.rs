//! Graphs and the executors that run them.
//!
//! A [`graph::Graph`] is plain data, shape-checked when built. Each op has one stem: `Op::Attention`,
//! `cpu/attention.rs`, `webgpu/attention.{rs,wgsl}`.

pub mod builder;
pub mod cpu;
pub mod graph;
pub mod int4;
pub mod plan;
pub mod probe;
pub mod probe_product;
pub mod prune;
pub mod webgpu;
pub mod weights;
