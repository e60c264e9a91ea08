//! A clock that stands still until it is told otherwise.

use std::cell::Cell;
use std::rc::Rc;

use crate::platform::Clock;

/// Cheap to clone; every clone shows the same time.
#[derive(Clone, Default)]
pub struct ManualClock {
    now: Rc<Cell<f64>>,
}

impl ManualClock {
    /// A clock that shows `now` (milliseconds since 1970).
    pub fn at(now: f64) -> Self {
        Self { now: Rc::new(Cell::new(now)) }
    }

    /// Moves the clock by `ms` milliseconds.
    pub fn advance(&self, ms: f64) {
        self.now.set(self.now.get() + ms);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> f64 {
        self.now.get()
    }
}
