//! Scores, reasons, rules, variety.

mod diversify;
mod term;

mod after_scoring;
mod determinantal;
mod learner;
