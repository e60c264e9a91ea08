//! Scores, reasons, rules, variety.

mod diversify;
mod term;
