//! A value that a callback of the device delivers later, as a future.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

type Shared<T> = Arc<Mutex<(Option<T>, Option<Waker>)>>;

/// Delivers the value.
pub struct Sender<T>(Shared<T>);

/// Resolves to the value once it is there.
pub struct Signal<T>(Shared<T>);

/// A sender and its signal.
pub fn signal<T>() -> (Sender<T>, Signal<T>) {
    let shared = Arc::new(Mutex::new((None, None)));
    (Sender(Arc::clone(&shared)), Signal(shared))
}

impl<T> Sender<T> {
    /// Delivers.
    pub fn send(self, value: T) {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shared.0 = Some(value);
        if let Some(waker) = shared.1.take() {
            waker.wake();
        }
    }
}

impl<T> Future for Signal<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match shared.0.take() {
            Some(value) => Poll::Ready(value),
            None => {
                shared.1 = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
