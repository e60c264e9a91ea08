//! Bytes over HTTP, by the worker's `fetch`.

use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortController, Headers, ReadableStreamDefaultReader, RequestCache, RequestInit, Response};

use super::fault::{name_of as exception, settled};
use super::scope;
use crate::error::{Error, Result};
use crate::platform::fetch::name_of;
use crate::platform::{Abort, Ask, Body, Fetch, Piece, Reply};

#[wasm_bindgen]
extern "C" {
    /// What the worker downloads while the module is compiled, see `www/lib/early.js`.
    pub type Early;
    /// A promise of the `{ response, reader }` of an address, or of nothing.
    #[wasm_bindgen(method)]
    fn take(this: &Early, url: &str) -> js_sys::Promise;
}

/// The worker's `fetch`: only what is asked for, no header but `Range`.
#[derive(Default)]
pub struct WebFetch {
    /// Answers that were asked for before the module was there: taken where they fit.
    pub early: Option<Early>,
}

/// An answer's stream.
pub struct WebBody {
    reader: Option<ReadableStreamDefaultReader>,
    name: String,
}

impl Fetch for WebFetch {
    type Body = WebBody;

    async fn get(&self, ask: Ask<'_>, abort: &Abort) -> Result<Reply<WebBody>> {
        abort.check()?;
        let name = name_of(ask.url).to_owned();
        if let Some(reader) = self.begun(&ask).await {
            let stop = reader.clone();
            abort.on_abort(move || drop(stop.cancel()));
            return Ok(Reply { from: 0, body: WebBody { reader: Some(reader), name } });
        }
        let response = send(&ask, ask.from, abort, &name).await?;
        // Nothing stands at that offset: the file is another one by now.
        let response = if response.status() == 416 && ask.from > 0 { send(&ask, 0, abort, &name).await? } else { response };
        let from = match response.status() {
            206 => range_start(&response).unwrap_or(ask.from),
            200 => 0,
            404 | 410 => return Err(Error::NotFound(format!("The server has no {name}. Check the address that was passed to open."))),
            status => {
                return Err(Error::Network(format!("The server answered {status} for {name}. Try again later, or look at the server's log.")));
            }
        };
        let reader = response.body().map(|stream| stream.get_reader().unchecked_into());
        Ok(Reply { from, body: WebBody { reader, name } })
    }
}

impl WebFetch {
    /// The stream of a whole answer that was begun early. Any other is asked for again: that says what is wrong.
    async fn begun(&self, ask: &Ask<'_>) -> Option<ReadableStreamDefaultReader> {
        let early = self.early.as_ref().filter(|_| ask.from == 0)?;
        let found = settled(early.take(ask.url)).await.ok()?;
        let get = |name: &str| Reflect::get(&found, &JsValue::from_str(name)).ok();
        let response: Response = get("response")?.dyn_into().ok()?;
        (response.status() == 200).then(|| get("reader"))?.map(JsCast::unchecked_into)
    }
}

async fn send(ask: &Ask<'_>, from: u64, abort: &Abort, name: &str) -> Result<Response> {
    let internal = |_| Error::Internal("a request could not be made up".to_owned());
    let init = RequestInit::new();
    let headers = Headers::new().map_err(internal)?;
    if from > 0 {
        headers.append("Range", &format!("bytes={from}-")).map_err(internal)?;
    }
    init.set_headers(&headers);
    init.set_cache(if ask.fresh { RequestCache::NoCache } else { RequestCache::Default });
    let controller = AbortController::new().map_err(internal)?;
    init.set_signal(Some(&controller.signal()));
    abort.on_abort(move || controller.abort());
    match settled(scope().fetch_with_str_and_init(ask.url, &init)).await {
        Ok(response) => Ok(response.unchecked_into()),
        Err(thrown) => Err(failure(&thrown, name)),
    }
}

fn failure(thrown: &JsValue, name: &str) -> Error {
    if exception(thrown) == "AbortError" {
        return Error::Aborted;
    }
    Error::Network(format!("{name} cannot be reached. Try again when the network is back; what is on the device goes on working."))
}

/// M of `Content-Range: bytes M-N/T`.
fn range_start(response: &Response) -> Option<u64> {
    let header = response.headers().get("Content-Range").ok()??;
    header.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

impl Body for WebBody {
    type Piece = Uint8Array;

    async fn chunk(&mut self) -> Result<Option<Uint8Array>> {
        let Some(reader) = &self.reader else { return Ok(None) };
        let step = settled(reader.read()).await.map_err(|thrown| failure(&thrown, &self.name))?;
        let get = |name: &str| Reflect::get(&step, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED);
        if get("done").is_truthy() {
            self.reader = None;
            return Ok(None);
        }
        Ok(Some(get("value").unchecked_into()))
    }
}

impl Piece for Uint8Array {
    fn size(&self) -> usize {
        self.length() as usize
    }

    fn append_to(self, bytes: &mut Vec<u8>) {
        let size = self.size();
        bytes.reserve(size);
        self.copy_to_uninit(&mut bytes.spare_capacity_mut()[..size]);
        // SAFETY: they were just written.
        unsafe { bytes.set_len(bytes.len() + size) };
    }
}

impl Drop for WebBody {
    fn drop(&mut self) {
        if let Some(reader) = self.reader.take() {
            // Nobody reads on: the browser may close the connection.
            let _ = reader.cancel();
        }
    }
}
