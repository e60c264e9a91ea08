//! Scores, reasons, rules, variety.

mod clock;
mod content;
mod diversify;
mod term;

mod after_scoring;
mod determinantal;
mod learner;
