//! What shipping costs the ranking: int8 rows of 50 entries (each row's largest, and as chosen; of EASE 50 pairs a row) and int8 factors,
//! against the learned floats.
//!
//!     cargo bench --features publisher --bench shipping -- beauty DATA/Beauty.txt
//!     cargo bench --features publisher --bench shipping -- films DATA/ratings.csv
//!     cargo bench --features publisher --bench shipping -- films DATA/ratings.csv 50,100,200,400
//!
//! The last one ships EASE with so many entries a row in the mean, also as floats: which part of what is lost is the cut's, which int8's.
//!
//! One JSON object a method: NDCG@10 and @100 of both, what was lost, and how many of the first ten are the same. Cases and
//! fading are those of `palate evaluate` (leave-one-out, or strong for films with ratings from 3.5); nothing else differs.

use std::fs::File;
use std::io::BufReader;
use palate::evaluate::dataset::{Cleaning, Sequence};
use palate::evaluate::judge::judge;
use palate::evaluate::metrics::ndcg;
use palate::evaluate::report::mask;
use palate::evaluate::split::{Case, Protocol, split};
use palate::math::topk::top_k;
use palate::publish::interaction_text::read_text;
use palate::publish::interactions::ReadOptions;
use palate::rank::learned::factors::{Factors, cholesky, solve};
use palate::rank::learned::neighbors::Neighbors;
use palate::rank::learned::terms::{Seen, Term, history_of};
use palate::train::blend::choose;
use palate::train::dense::Dense;
use palate::train::ease::ease_with_heights;
use palate::train::entries::{Centered, Entries, Keep, Popular};
use palate::train::ials::ials;
use palate::train::inverse::Stand;
use palate::train::matrix::Csr;
use palate::train::methods::Settings;
use palate::train::transitions::{EVENTS, transitions};
use rayon::prelude::*;

const ENTRIES: usize = 50;
const TAUS: [f32; 7] = [f32::INFINITY, 50.0, 20.0, 8.0, 4.0, 2.0, 1.0];

/// Sums over cases: NDCG@10 and @100 of the learned, of the shipped, and equal ones among the first ten.
type Sums = [f64; 5];

fn compare(what: &str, data: &str, cases: &[Case], items: usize, bytes: usize, learned: &(dyn Fn(&[Seen]) -> Vec<f32> + Sync), shipped: &dyn Term) {
    let of = |case: &Case| -> Sums {
        let history = history_of(&case.history.items);
        let (mut exact, mut device) = (learned(&history), shipped.scores(&history));
        mask(&mut exact, case, None);
        mask(&mut device, case, None);
        let (a, b) = (top_k(&exact, 10), top_k(&device, 10));
        let (x, y) = (judge(&exact, &case.targets, 0).ranks, judge(&device, &case.targets, 0).ranks);
        [ndcg(&x, 10), ndcg(&x, 100), ndcg(&y, 10), ndcg(&y, 100), a.iter().filter(|i| b.contains(i)).count() as f64 / 10.0]
    };
    let sums = cases.par_iter().map(of).reduce(|| [0.0; 5], |a, b| std::array::from_fn(|at| a[at] + b[at]));
    let [x10, x100, y10, y100, overlap] = sums.map(|sum| sum / cases.len() as f64);
    let lost = |x: f64, y: f64| (1.0 - y / x) * 100.0;
    println!(
        "{}",
        serde_json::json!({
            "data": data, "method": what, "cases": cases.len(), "items": items, "bytes": bytes,
            "ndcg@10": {"learned": x10, "shipped": y10, "lost_percent": lost(x10, y10)},
            "ndcg@100": {"learned": x100, "shipped": y100, "lost_percent": lost(x100, y100)},
            "top10_overlap": overlap,
        })
    );
}

/// The shipped entries with the learned weights in place of int8.
fn as_floats(learned: &Dense, shipped: &Neighbors) -> Dense {
    let n = learned.items;
    let base = shipped.weights.base();
    let mut weights: Vec<f32> = (0..n * n).map(|at| base.get(at % n).copied().unwrap_or(0.0)).collect();
    for row in 0..n {
        shipped.weights.row(row as u32).for_each(|(c, _)| weights[row * n + c as usize] = learned.row(row)[c as usize]);
    }
    Dense { tau: learned.tau, ..Dense::new("floats", weights, n) }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let ([data, path] | [data, path, _]) = arguments.as_slice() else {
        eprintln!("Give a data set's name (beauty or films) and its file, and numbers of entries if wanted.");
        std::process::exit(2);
    };
    let more: Vec<usize> = arguments.get(2).map(|list| list.split(',').map(|k| k.parse().expect("a number")).collect()).unwrap_or_default();
    let films = data == "films";
    let file = BufReader::new(File::open(path).expect("the file opens"));
    let mut interactions = read_text(path, file, ReadOptions::default()).expect("the file reads").0;
    let cleaning = Cleaning { min_value: films.then_some(3.5), ..Cleaning::default() };
    let (sequences, _) = interactions.sequences(&cleaning).expect("sequences");
    let n = interactions.items.len();
    let protocol = if films { Protocol::Strong } else { Protocol::LeaveOneOut };
    let split = split(protocol, &sequences, n, 1, 0, if films { 5 } else { 1 }).expect("a split");
    let settings = Settings::default();
    let x = Csr::binary(&split.train, n);
    let train: &[Sequence] = &split.train;
    for method in ["ease", "transitions"] {
        let (dense, heights) = match method {
            "ease" => ease_with_heights(&x, settings.ease_lambda, &Stand::nowhere()).map(|(weights, heights)| (weights, Some(heights.into()))).expect("learned"),
            _ => (transitions(train, n, &settings.transitions, EVENTS, &Stand::nowhere()).expect("learned"), None),
        };
        let mut learned = Dense { heights, ..Dense::new(method, dense, n) };
        learned.tau = choose(&TAUS, &split.valid, None, |tau| Box::new(Dense { tau, ..learned.clone() }));
        let popular = Popular::new(&learned, train);
        if !more.is_empty() {
            let weighed = [(0.0, 0.1), (0.25, 0.25), (0.5, 0.5)].map(|(people, head)| Entries::new(Keep::Weighed { people, head }, &popular));
            for (k, entries) in more.iter().flat_map(|k| [Entries::each_row()].into_iter().chain(weighed.clone()).map(move |entries| (*k, entries))) {
                let shipped = entries.of(&Centered::new(&learned), k);
                let what = format!("ease, {k} entries, {:?}", entries.keep);
                compare(&what, data, &split.test, n, shipped.download_bytes(), &|history| learned.scores(history), &shipped);
                let floats = as_floats(&learned, &shipped);
                compare(&format!("{what}, floats"), data, &split.test, n, 0, &|history| learned.scores(history), &floats);
            }
            return;
        }
        let chosen = Entries::choose(&learned, &popular, ENTRIES, &split.valid, None, &|line| eprintln!("{line}"));
        for (entries, k) in [(Entries::each_row(), ENTRIES), chosen] {
            let shipped = entries.of(&Centered::new(&learned), k);
            let what = format!("{method}, {k} entries, {:?}", entries.keep);
            compare(&what, data, &split.test, n, shipped.download_bytes(), &|history| learned.scores(history), &shipped);
        }
    }
    let s = settings.ials;
    let d = s.dim;
    let (_, vectors) = ials(&x, &s);
    let shipped = Factors::quantize(&vectors, d, s.alpha0, s.lambda, s.nu);
    let mut gram = vec![0f32; d * d];
    for row in vectors.chunks_exact(d) {
        gram.iter_mut().enumerate().for_each(|(at, g)| *g += row[at / d] * row[at % d]);
    }
    let learned = |history: &[Seen]| {
        let row = |item: u32| &vectors[item as usize * d..(item as usize + 1) * d];
        let mut a: Vec<f32> = gram.iter().map(|g| g * s.alpha0).collect();
        let mut user = vec![0f32; d];
        for event in history {
            let v = row(event.item);
            a.iter_mut().enumerate().for_each(|(at, a)| *a += v[at / d] * v[at % d]);
            user.iter_mut().zip(v).for_each(|(u, v)| *u += v);
        }
        let ridge = s.lambda * (history.len() as f32 + s.alpha0 * n as f32).powf(s.nu);
        (0..d).for_each(|i| a[i * d + i] += ridge);
        cholesky(&mut a, d);
        solve(&a, d, &mut user);
        vectors.chunks_exact(d).map(|v| v.iter().zip(&user).map(|(a, b)| a * b).sum()).collect()
    };
    compare("ials", data, &split.test, n, shipped.download_bytes(), &learned, &shipped);
}
