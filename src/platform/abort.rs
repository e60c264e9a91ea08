//! The token by which a caller stops a long call.
//!
//! Who listens to what (an `AbortSignal`, Ctrl-C) is the business of the room that makes the token.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::error::{Error, Result};

type Callback = Box<dyn FnOnce()>;

/// Cheap to clone; every clone is the same token.
#[derive(Clone, Default)]
pub struct Abort {
    aborted: Rc<Cell<bool>>,
    waiting: Rc<RefCell<Vec<Callback>>>,
}

impl Abort {
    /// A token that nobody has triggered yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Triggers the token: every later [`Abort::check`] fails, and whoever registered by [`Abort::on_abort`] is called.
    pub fn abort(&self) {
        self.aborted.set(true);
        let waiting = std::mem::take(&mut *self.waiting.borrow_mut());
        for callback in waiting {
            callback();
        }
    }

    /// Whether the token was triggered.
    pub fn is_aborted(&self) -> bool {
        self.aborted.get()
    }

    /// `Error::Aborted` once the token was triggered.
    pub fn check(&self) -> Result<()> {
        if self.is_aborted() { Err(Error::Aborted) } else { Ok(()) }
    }

    /// Calls `callback` when the token is triggered (at once if it already was).
    pub fn on_abort(&self, callback: impl FnOnce() + 'static) {
        if self.is_aborted() {
            callback();
        } else {
            self.waiting.borrow_mut().push(Box::new(callback));
        }
    }

    /// Forgets every registered callback (the call that registered them is over).
    pub fn clear(&self) {
        self.waiting.borrow_mut().clear();
    }
}
