//! Scores, reasons, rules, variety.

mod content;
mod diversify;
mod term;
