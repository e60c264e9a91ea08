//! Terms that the publisher trained and devices download: a history in, a score for every item out, with exact shares.
//!
//! Pure and small, the same natively and in the page. Not here: training them (`train`), the list's stages (`rank`).
//!
//! * [`terms`]: what such a term is.
//! * [`sparse`]: item-item weights as they are downloaded.
//! * [`neighbors`]: sums of the history's rows (item-kNN, EASE, transitions).
//! * [`factors`]: the exact fold-in of a factor model.
//! * [`clusters`]: votes of anonymous centroids.
//! * [`sequence`]: the small causal transformer.
//! * [`content`]: likeness of content rows.
//! * [`popularity`]: what everybody likes.
//! * [`ratings`]: predicted ratings.
//! * [`held`]: such a term and one history, for the list's stages.
//! * [`blend`]: the weighted sum of all.
//! * [`shipped`]: the blend from the index.

pub mod blend;
pub mod clusters;
pub mod content;
pub mod factors;
pub mod held;
pub mod neighbors;
pub mod popularity;
pub mod ratings;
pub mod sequence;
pub mod shipped;
pub mod sparse;
pub mod terms;
