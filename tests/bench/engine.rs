//! The engine's list over an index in a folder, natively and again and again: something for a profiler to look at.
//!
//!     cargo bench --features publisher --bench engine -- FOLDER [LISTS]
//!
//! `tests/bench/recommend.mjs --keep FOLDER` leaves such indexes. Prints milliseconds a list; times in the page are that one's.
//! `-- fold` times iALS's fold-in alone, of 1,000 events among 100,000 items.

use std::rc::Rc;
use std::time::Instant;

use palate::encode::choice::Wish;
use palate::engine::ask::{Recommend, Wishes};
use palate::engine::download::IfFull;
use palate::engine::scan::Scanning;
use palate::engine::{Options, Session};
use palate::format::history::EventRow;
use palate::math::rng::Rng;
use palate::platform::memory::{ManualClock, MemoryStore};
use palate::platform::native::{FileFetch, KeySeal, wait};
use palate::platform::{Abort, World};
use palate::rank::learned::factors::Factors;
use palate::rank::learned::terms::history_of;

/// Milliseconds of one fold-in, the median of 200, for 64 and 128 dimensions. What the vectors say makes no difference.
fn fold() {
    for dim in [64, 128] {
        let mut rng = Rng::new(3);
        let vectors: Vec<f32> = (0..100_000 * dim).map(|_| rng.unit() as f32 - 0.5).collect();
        let factors = Factors { tau: 50.0, ..Factors::quantize(&vectors, dim, 0.1, 0.003, 1.0) };
        let items: Vec<u32> = (0..1000).map(|n| n * 7919 % 100_000).collect();
        let history = history_of(&items);
        let mut times: Vec<f64> = (0..200)
            .map(|_| {
                let start = Instant::now();
                std::hint::black_box(factors.fold_in(std::hint::black_box(&history)));
                start.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        times.sort_by(f64::total_cmp);
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        println!("{{\"fold_in\": \"{} events\", \"dim\": {dim}, \"least_ms\": {:.3}, \"ms\": {:.3}, \"p95\": {:.3}, \"load\": \"{}\"}}", history.len(), times[0], times[100], times[190], load.trim());
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let Some(folder) = arguments.first() else {
        eprintln!("Give the folder of an index, as tests/bench/recommend.mjs --keep FOLDER leaves it.");
        std::process::exit(2);
    };
    if folder == "fold" {
        return fold();
    }
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
