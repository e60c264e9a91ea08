//! Learns what devices download for ranking: item-item weights, factors, centroids, content maps, the sequence encoder,
//! and the blend of them all.

pub mod blend;
pub mod choices;
pub mod clock;
pub mod clusters;
pub mod content_map;
pub mod covered;
pub mod dense;
pub mod ease;
pub mod ease_content;
pub mod entries;
pub mod factors;
pub mod features;
pub mod fusion;
pub mod fusion_report;
pub mod fusion_space;
pub mod hybrid;
pub mod ials;
pub mod kept;
pub mod knn;
pub mod knobs;
pub mod lambdas;
pub mod linear;
pub mod matrix;
pub mod methods;
pub mod rating_report;
pub mod ratings;
pub mod sequence;
pub mod sequence_state;
pub mod ship;
pub mod softmax;
pub mod stages;
pub mod tower;
pub mod transformer;
pub mod transitions;
pub mod tune;
