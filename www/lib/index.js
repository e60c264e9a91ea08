//! The npm package `palate`: private recommendations that run in the page.
//!
//! Everything that computes or stores runs in a worker that the package starts; this file is the list of what it exports.

export { Recommender } from './recommender.js';
export { Encoder } from './encoder.js';
export { PalateError } from './errors.js';
