//! The browser's clock.

use crate::platform::Clock;

/// The browser's clock, in the visitor's time zone.
#[derive(Debug, Clone, Copy, Default)]
pub struct WebClock;

impl Clock for WebClock {
    fn now(&self) -> f64 {
        js_sys::Date::now()
    }

    fn offset_minutes(&self) -> i32 {
        -(js_sys::Date::new_0().get_timezone_offset() as i32)
    }
}

/// Milliseconds since the worker began, as finely as the browser tells.
pub fn ticks() -> f64 {
    super::scope().performance().map_or_else(js_sys::Date::now, |performance| performance.now())
}
