//! Terms from meaning against the formula written out in f64: scores, and shares that sum to them.

use std::rc::Rc;
use std::sync::Arc;

use palate::format::manifest::Model;
use palate::format::pack::ModelId;
use palate::history::{Event, Evidence, Kind};
use palate::index::build::{build, row};
use palate::index::catalog::Catalog;
use palate::math::rng::Rng;
use palate::rank::content::{Interest, Pull, Spread, Taste, Toward};
use palate::rank::term::Term;

const DIM: usize = 24;
const ITEMS: usize = 300;

fn catalog(seed: u64) -> Rc<Catalog> {
    let mut rng = Rng::new(seed);
    let mut vector = || -> Vec<f32> {
        let center = (rng.unit() * 5.0) as usize;
        let vector: Vec<f32> = (0..DIM).map(|at| (rng.unit() as f32 - 0.5) * 0.6 + f32::from(u8::from(at == center)) + 0.1).collect();
        let norm = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
        vector.into_iter().map(|v| v / norm).collect()
    };
    let rows = (0..ITEMS).map(|n| row(&format!("k{n}"), &vector(), DIM, 0, Default::default())).collect();
    let model = Model { id: ModelId { name: "m".into(), sha256: "0".repeat(64) }, dim: DIM, file: None, in_text_space: false };
    let mut shards = Vec::new();
    let manifest = build(model, rows, |_, bytes| {
        shards.push(Arc::new(bytes));
        Ok(())
    });
    Rc::new(Catalog::open(&manifest.unwrap(), shards).unwrap())
}

fn history(seed: u64, sign: f64) -> (Vec<Event>, Vec<Evidence>) {
    let mut rng = Rng::new(seed);
    let event = |n: usize| Event { item: format!("k{}", n * 7), kind: Kind::Like, at: 0.0, value: None, context: Default::default(), call: None, shown: Default::default() };
    let events: Vec<Event> = (0..30).map(|n| event(n % 25)).collect();
    let evidence = (0..30).map(|event| Evidence { event, weight: sign * (0.1 + rng.unit()) }).collect();
    (events, evidence)
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// draw(x) = max over c of confidence (W_c / W_max)^0.25 (cos(u_c, x) - floor), 0 where no cosine is above the floor.
fn plain(catalog: &Catalog, interests: &[Interest], ordinal: u32, floor: f64) -> f64 {
    let most = f64::from(interests[0].weight);
    let vector = catalog.vector(ordinal);
    let draws = interests.iter().filter_map(|interest| {
        let cosine = cosine(interest.center(), &vector);
        let strength = most / (most + 0.25) * (f64::from(interest.weight) / most).powf(0.25);
        (floor == 0.0 || cosine > floor).then_some(strength * (cosine - floor))
    });
    draws.reduce(f64::max).unwrap_or(0.0)
}

fn scores(term: &dyn Term) -> Vec<f32> {
    let mut scores = vec![0.0; ITEMS];
    term.add_to(&mut scores);
    scores
}

#[test]
fn content_likes_are_the_formula_and_shares_sum_to_it() {
    for seed in 0..5 {
        let catalog = catalog(seed);
        let (events, evidence) = history(seed, 1.0);
        let taste = Taste::of(&catalog, &Spread::of(&catalog), &events, &evidence);
        assert!(taste.likes.len() >= 3 && taste.dislikes.is_empty(), "{} interests", taste.likes.len());
        let term = Pull::likes(&catalog, &taste, 0.7).unwrap();
        for (ordinal, score) in scores(&term).into_iter().enumerate() {
            let ordinal = ordinal as u32;
            let expected = 0.7 * plain(&catalog, &taste.likes, ordinal, 0.0);
            assert!((f64::from(score) - expected).abs() < 2e-4, "{score} for {expected}");
            let shares = term.split(ordinal);
            let sum: f32 = shares.iter().map(|share| share.amount).sum();
            assert!((sum - score).abs() < 1e-5, "{sum} of {score}");
            assert!(shares.iter().all(|share| share.event.is_some_and(|event| event < events.len())));
        }
    }
}

#[test]
fn content_dislikes_push_only_what_is_near() {
    let catalog = catalog(9);
    let spread = Spread::of(&catalog);
    let (events, evidence) = history(9, -1.0);
    let taste = Taste::of(&catalog, &spread, &events, &evidence);
    assert!(taste.likes.is_empty() && !taste.dislikes.is_empty());
    let term = Pull::dislikes(&catalog, &taste, &spread, 1.0).unwrap();
    let floor = f64::from(spread.typical);
    let mut untouched = 0;
    for (ordinal, score) in scores(&term).into_iter().enumerate() {
        let expected = -0.6 * plain(&catalog, &taste.dislikes, ordinal as u32, floor);
        assert!((f64::from(score) - expected).abs() < 2e-4, "{score} for {expected}");
        let sum: f32 = term.split(ordinal as u32).iter().map(|share| share.amount).sum();
        assert!((sum - score).abs() < 1e-5);
        assert!(score <= 0.0);
        untouched += usize::from(score == 0.0);
    }
    assert!(untouched < ITEMS);
}

#[test]
fn content_every_item_stands_in_one_interest() {
    let catalog = catalog(3);
    let (events, evidence) = history(3, 1.0);
    let taste = Taste::of(&catalog, &Spread::of(&catalog), &events, &evidence);
    let mut seen: Vec<u32> = taste.likes.iter().flat_map(|interest| &interest.members).map(|member| member.ordinal).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 25);
    let total: f64 = evidence.iter().map(|found| found.weight).sum();
    let weights: f32 = taste.likes.iter().map(|interest| interest.weight).sum();
    assert!((f64::from(weights) - total).abs() < 1e-4);
    assert!(taste.likes.windows(2).all(|pair| pair[0].weight >= pair[1].weight));
}

#[test]
fn content_spread_is_the_mean_cosine_of_pairs() {
    let catalog = catalog(4);
    let mut sum = 0.0;
    for a in 0..ITEMS as u32 {
        for b in 0..ITEMS as u32 {
            sum += if a == b { 0.0 } else { cosine(&catalog.vector(a), &catalog.vector(b)) };
        }
    }
    let expected = sum / (ITEMS * (ITEMS - 1)) as f64;
    assert!((f64::from(Spread::of(&catalog).typical) - expected).abs() < 1e-3);
}

#[test]
fn content_toward_is_the_cosine() {
    let catalog = catalog(5);
    let query = catalog.vector(17);
    let term = Toward::new("text", &catalog, &query, 0.5).unwrap();
    for (ordinal, score) in scores(&term).into_iter().enumerate() {
        assert!((f64::from(score) - 0.5 * cosine(&query, &catalog.vector(ordinal as u32))).abs() < 1e-4);
        assert_eq!(term.split(ordinal as u32)[0].amount, score);
    }
}

#[test]
fn content_interests_keep_their_centers_as_everything_fades() {
    // A later event of something else ages all others alike: what was scanned for them before serves again.
    let catalog = catalog(3);
    let spread = Spread::of(&catalog);
    let (events, evidence) = history(5, 1.0);
    let centers = |factor: f64| -> Vec<Vec<f32>> {
        let faded: Vec<Evidence> = evidence.iter().map(|found| Evidence { weight: found.weight * factor, ..found.clone() }).collect();
        Taste::of(&catalog, &spread, &events, &faded).likes.iter().map(|interest| interest.center().to_vec()).collect()
    };
    let now = centers(1.0);
    assert!(now.len() > 1);
    for days in 1..30 {
        assert_eq!(centers((-f64::from(days) / 60.0).exp()), now, "{days} days later");
    }
}

#[test]
fn content_cosines_that_were_kept_are_those_of_a_new_scan() {
    let catalog = catalog(4);
    let vectors: Vec<Vec<f32>> = (0..30).map(|n| catalog.vector(n * 3)).collect();
    let fresh = |vector: &[f32]| {
        let mut scores = vec![0.0; catalog.len()];
        catalog.scan(vector, &mut scores).unwrap();
        scores
    };
    // More than are kept, twice over, with repeats within one call.
    for start in [0, 10, 5, 0] {
        let queries: Vec<&[f32]> = (start..start + 20).chain([start, start + 1]).map(|at| vectors[at].as_slice()).collect();
        let found = catalog.cosines(&queries).unwrap();
        assert_eq!(found.len(), queries.len());
        for (query, found) in queries.iter().zip(found) {
            assert_eq!(*found, fresh(query));
        }
    }
    assert!(catalog.cosines(&[]).unwrap().is_empty());
    assert_eq!(catalog.cosines(&[&[1.0]]).unwrap_err().code(), "mismatch");
}
