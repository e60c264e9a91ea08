mod contract;
mod golden;
mod linear;
mod sequence;
mod shipping;
