//! Scores, reasons, rules, variety.

mod content;
mod diversify;
mod term;

mod after_scoring;
mod determinantal;
mod learner;
