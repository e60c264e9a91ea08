//! What the tabs of one origin share beside bytes: locks and news.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BroadcastChannel, MessageEvent};

use super::fault::method;
use super::scope;

/// Locks and news under one name.
pub struct Shared {
    space: String,
    own: f64,
    channel: Option<BroadcastChannel>,
    heard: Rc<Cell<bool>>,
    _listener: Closure<dyn FnMut(MessageEvent)>,
}

/// An exclusive lock of `navigator.locks`; dropping it lets the next one in, and so does the end of the worker.
pub struct WebLock {
    release: Option<Function>,
}

impl Drop for WebLock {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            let _ = release.call0(&JsValue::NULL);
        }
    }
}

impl Shared {
    /// Joins whoever shares `space`.
    pub fn join(space: &str) -> Shared {
        let heard = Rc::new(Cell::new(false));
        let flag = heard.clone();
        let listener = Closure::new(move |_: MessageEvent| flag.set(true));
        let channel = BroadcastChannel::new(&format!("palate:{space}")).ok();
        if let Some(channel) = &channel {
            channel.set_onmessage(Some(listener.as_ref().unchecked_ref()));
        }
        Shared { space: space.to_owned(), own: js_sys::Math::random(), channel, heard, _listener: listener }
    }

    /// Tells the other tabs that something changed.
    pub fn announce(&self) {
        if let Some(channel) = &self.channel {
            let _ = channel.post_message(&JsValue::TRUE);
        }
    }

    /// Whether another tab announced a change since the last time. Where there are no channels: always.
    pub fn heard(&self) -> bool {
        self.heard.replace(false) || self.channel.is_none()
    }

    /// A word that no other session has.
    pub fn own(&self) -> String {
        self.own.to_string()
    }

    /// Whether this browser has locks at all.
    pub fn has_locks() -> bool {
        locks().is_some()
    }

    /// Waits for the exclusive right to `name`. Without locks in the browser it is granted at once.
    pub async fn lock(&self, name: &str) -> WebLock {
        let Some((locks, request)) = locks() else { return WebLock { release: None } };
        let mut release = None;
        let held = Promise::new(&mut |resolve: Function, _| release = Some(resolve));
        let mut grant = None;
        let granted = Promise::new(&mut |resolve: Function, _| grant = Some(resolve));
        let callback = Closure::once_into_js(move || {
            if let Some(grant) = grant {
                let _ = grant.call0(&JsValue::NULL);
            }
            held
        });
        let name = JsValue::from_str(&format!("palate:{}:{name}", self.space));
        if request.call2(&locks, &name, &callback).is_ok() {
            let _ = wasm_bindgen_futures::JsFuture::from(granted).await;
        }
        WebLock { release }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(channel) = &self.channel {
            channel.set_onmessage(None);
            channel.close();
        }
    }
}

/// `navigator.locks` and its `request`.
fn locks() -> Option<(JsValue, Function)> {
    let locks = Reflect::get(&scope().navigator(), &JsValue::from_str("locks")).ok()?;
    let request = method(&locks, "request")?;
    Some((locks, request))
}
