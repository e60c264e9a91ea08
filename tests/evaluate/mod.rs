mod golden;
mod interactions;
mod lists;
mod metrics;
mod split;
