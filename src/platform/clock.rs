//! What time it is, as a trait.
//!
//! Rooms below the engine take times as numbers and never see this trait.

/// The current time. Implementations may go backwards (users set clocks): callers clamp ages at zero.
pub trait Clock {
    /// Milliseconds since 1970-01-01 UTC.
    fn now(&self) -> f64;

    /// Minutes to add to UTC for the visitor's local time, for "time of day" only.
    fn offset_minutes(&self) -> i32 {
        0
    }
}
