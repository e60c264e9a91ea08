//! The engine's list over an index in a folder, natively and again and again: something for a profiler to look at.
//!
//!     cargo bench --features publisher --bench engine -- FOLDER [LISTS]
//!
//! `tests/bench/recommend.mjs --keep FOLDER` leaves such indexes. Prints milliseconds a list; times in the page are that one's.
//! iALS's fold-in alone: `cargo bench --bench scan -- fold`.

use std::rc::Rc;
use std::time::Instant;

use palate::encode::choice::Wish;
use palate::engine::ask::{Recommend, Wishes};
use palate::engine::download::IfFull;
use palate::engine::scan::Scanning;
use palate::engine::{Options, Session};
use palate::format::history::EventRow;
use palate::platform::memory::{ManualClock, MemoryStore};
use palate::platform::native::{FileFetch, KeySeal, wait};
use palate::platform::{Abort, World};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let Some(folder) = arguments.first() else {
        eprintln!("Give the folder of an index, as tests/bench/recommend.mjs --keep FOLDER leaves it.");
        std::process::exit(2);
    };
    let lists: usize = arguments.get(1).and_then(|n| n.parse().ok()).unwrap_or(100);
    let now = 1.8e12;
    let world = World { store: MemoryStore::new(), fetch: FileFetch, clock: ManualClock::at(now), seal: KeySeal::fresh() };
    let index = format!("{folder}/manifest.json");
    let options = Options { index, text_model: None, if_full: IfFull::UseMemory, public_key: None, weights: Default::default(), from_device: false, scanning: Scanning::on(Wish::Cpu, || 0.0) };
    let load = Box::new(|_, _: &_| -> palate::Result<Rc<dyn palate::engine::model::TextModel>> { Err(palate::Error::input("no text here")) });
    let session = wait(Session::open(world, options, load, &Abort::new(), &|_| ())).expect("the index opens");
    let catalog = session.snapshot().catalog.clone();
    let kinds = ["view", "like", "click", "save", "view", "purchase", "click", "dislike"];
    let row = |n: usize| EventRow {
        item: catalog.key((n * 7919 % catalog.len()) as u32).into(),
        event: kinds[n % kinds.len()].into(),
        at: now - (1000 - n) as f64 * 3.6e6,
        value: None,
        context: Default::default(),
        call: None,
        shown: Default::default(),
    };
    wait(session.record((0..1000).map(row).collect())).expect("recorded");
    for explain in [false, true] {
        let ask = Recommend { wishes: Wishes { explain, ..Recommend::default().wishes }, ..Recommend::default() };
        let first = Instant::now();
        wait(session.recommend(&ask)).expect("a list");
        let first = first.elapsed().as_secs_f64() * 1e3;
        let start = Instant::now();
        for _ in 0..lists {
            std::hint::black_box(wait(session.recommend(&ask)).expect("a list"));
        }
        let each = start.elapsed().as_secs_f64() * 1e3 / lists as f64;
        println!("{{\"items\": {}, \"explain\": {explain}, \"first_ms\": {first:.2}, \"ms\": {each:.2}}}", catalog.len());
    }
}
