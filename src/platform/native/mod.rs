//! The operating system's side of the platform.

pub mod files;
