//! Learns what devices download for ranking: item-item weights, factors, centroids, content maps, the sequence encoder,
//! and the blend of them all.

pub mod ease;
pub mod linear;
pub mod matrix;
pub mod methods;
