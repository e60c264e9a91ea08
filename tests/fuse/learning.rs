//! Learning the joint space: gradients, a planted catalog, seeds, and runs that stop and go on.

use palate::Error;
use palate::evaluate::dataset::Sequence;
use palate::evaluate::split::{Protocol, split};
use palate::math::rng::Rng;
use palate::publish::fusion::{keep, resume};
use palate::train::fusion::{Data, Learned, Settings, State, quality, train};
use palate::train::fusion_report::{by_cases, by_items, pool, views};
use palate::train::fusion_space::{Content, Space};
use palate::train::fusion_start::{Likes, Start};

use super::{DIM, contents, space};

const ITEMS: usize = 700;
const KINDS: usize = 5;

fn settings() -> Settings {
    Settings { dim: DIM, ranks: vec![20], epochs: 12, steps: 4, patience: 12, learning_rate: 1e-2, ..Settings::default() }
}

/// People who like one kind each.
fn people() -> Vec<Sequence> {
    let mut rng = Rng::new(9);
    let sequence = |user: usize| {
        let mut items: Vec<u32> = (0..ITEMS as u32).filter(|i| *i as usize % KINDS == user % KINDS && rng.unit() < 0.5).collect();
        rng.shuffle(&mut items);
        let n = items.len();
        Sequence { user: user as u32, items, times: (0..n as i64).collect(), values: vec![1.0; n] }
    };
    (0..60).map(sequence).collect()
}

#[test]
fn learning_passes_back_what_small_steps_change() {
    let space = space(30, 3, 0.5);
    let mut chance = crate::catalogs::Seeded(5);
    let mut parameters = space.start(2, 0.0);
    parameters.iter_mut().for_each(|p| *p += 0.2 * chance.signed());
    let items: Vec<u32> = (0..12).collect();
    let toward = chance.vector(12 * DIM);
    let loss = |parameters: &[f32]| {
        let encoded = space.forward(parameters, &items, &|row, m| row % 3 != m, None);
        encoded.vectors.iter().zip(&toward).map(|(a, b)| f64::from(a * b)).sum::<f64>()
    };
    let mut gradient = vec![0f32; space.parameters()];
    space.backward(&space.forward(&parameters, &items, &|row, m| row % 3 != m, None), &toward, &mut gradient);
    for at in (0..space.parameters()).step_by(13).chain([space.parameters() - 1]) {
        let moved = |by: f32| {
            let mut moved = parameters.clone();
            moved[at] += by;
            loss(&moved)
        };
        let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
        assert!((slope - f64::from(gradient[at])).abs() < 3e-3 * (1.0 + slope.abs()), "parameter {at}: {slope} and {}", gradient[at]);
    }
}

/// Texts and pictures of items each of which is a kind of its own, so that only what is common to both can tell.
fn own_kinds(n: usize) -> Vec<Content> {
    let (mut chance, hidden) = (crate::catalogs::Seeded(3), 6);
    let mixes: Vec<Vec<f32>> = [super::TEXT, super::IMAGE].iter().map(|dim| chance.vector(dim * hidden)).collect();
    let souls: Vec<Vec<f32>> = (0..n).map(|_| chance.vector(hidden)).collect();
    let show = |mix: &[f32]| souls.iter().flat_map(|s| super::unit(mix.chunks_exact(hidden).map(|row| row.iter().zip(s).map(|(a, b)| a * b).sum()).collect())).collect::<Vec<f32>>();
    vec![Content::new("text", super::TEXT, show(&mixes[0])), Content::new("image", super::IMAGE, show(&mixes[1]))]
}

#[test]
fn learning_from_items_alone_lets_a_picture_find_its_text() {
    let n = 400;
    let contents = own_kinds(n);
    let held: Vec<u32> = (0..80).collect();
    let allowed: Vec<bool> = (0..n).map(|i| i >= 80).collect();
    let space = Space::new(contents, &allowed, DIM, &[20], 3);
    let data = Data { allowed: &allowed, sequences: &[], valid: &[], candidates: None, held: &held };
    let settings = Settings { epochs: 25, steps: 8, patience: 25, ..settings() };
    let before = by_items(&space, &space.start(settings.seed, 0.0), &held, 1);
    let learned = train(&space, &data, &settings, None, &mut |_, _| Ok(())).unwrap();
    let after = by_items(&space, &learned.parameters, &held, 1);
    assert_eq!(after[0].name, "text finds image");
    let of = |lines: &[palate::train::fusion_report::Line]| lines[0].metrics[0].1.value;
    assert!(of(&before) < 0.4 && of(&after) > 0.9, "{} before, {} after", of(&before), of(&after));
}

fn held_out(seed: u64) -> (palate::evaluate::split::Split, Vec<bool>) {
    let split = split(Protocol::ColdItems, &people(), ITEMS, seed, 0, 1).unwrap();
    let mut allowed = vec![true; ITEMS];
    for candidates in [&split.valid_candidates, &split.test_candidates].into_iter().flatten() {
        allowed.iter_mut().zip(candidates).for_each(|(a, held)| *a &= !held);
    }
    (split, allowed)
}

fn learn(space: &Space, settings: &Settings, from: Option<State>, each: &mut dyn FnMut(&State)) -> Learned {
    let (split, allowed) = held_out(1);
    let data = Data { allowed: &allowed, sequences: &split.train, valid: &split.valid, candidates: split.valid_candidates.as_deref(), held: &[] };
    train(space, &data, settings, from, &mut |_, state| {
        each(state);
        Ok(())
    })
    .unwrap()
}

#[test]
fn learning_from_items_alone_goes_on_where_few_are_held_out() {
    // Bug: any first ten held all of them, so that no epoch was better than none.
    for n in [20, 90] {
        let held: Vec<u32> = (0..n as u32 / 10).collect();
        let allowed: Vec<bool> = (0..n).map(|i| i >= held.len()).collect();
        let space = Space::new(own_kinds(n), &allowed, DIM, &[10], 3);
        let data = Data { allowed: &allowed, sequences: &[], valid: &[], candidates: None, held: &held };
        let before = quality(&space, &data, &space.start(settings().seed, 0.0));
        let learned = train(&space, &data, &settings(), None, &mut |_, _| Ok(())).unwrap();
        assert!(learned.epoch > 0 && learned.validation > before, "{n} items: epoch {}, {before} and {}", learned.epoch, learned.validation);
    }
}

#[test]
fn learning_from_people_finds_the_kinds_of_items_nobody_met() {
    let (split, allowed) = held_out(1);
    let space = Space::new(contents(ITEMS, KINDS, 2.5), &allowed, DIM, &[20], 3);
    let data = Data { allowed: &allowed, sequences: &split.train, valid: &split.valid, candidates: split.valid_candidates.as_deref(), held: &[] };
    let before = quality(&space, &data, &space.start(1, 0.0));
    let learned = learn(&space, &settings(), None, &mut |_| ());
    assert!(learned.validation > before + 0.02, "{before} before, {} after", learned.validation);
    let lines = by_cases(&views(&space, &learned.parameters), &split.test, split.test_candidates.as_deref(), 5, 1);
    // The first five are right with either modality; what both add shows over the whole ranking.
    let auc = |name: &str| lines.iter().find(|l| l.name == name).and_then(|l| l.metrics.iter().find(|m| m.0 == "auc")).unwrap().1.value;
    let (both, text, image) = (auc("text + image"), auc("text alone"), auc("image alone"));
    assert!(both > text + 0.02 && both > image + 0.02, "AUC {both} with both, {text} and {image} alone");
    assert!(lines[1].lost.is_some() && lines[0].lost.is_none());
}

/// The x of `a x = b` for a few columns `b`, plainly.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    for at in 0..a.len() {
        let (pivot, right) = (a[at].clone(), b[at].clone());
        for row in (0..a.len()).filter(|&row| row != at) {
            let factor = a[row][at] / pivot[at];
            a[row].iter_mut().zip(&pivot).for_each(|(v, p)| *v -= factor * p);
            b[row].iter_mut().zip(&right).for_each(|(v, p)| *v -= factor * p);
        }
    }
    b.iter().enumerate().map(|(at, row)| row.iter().map(|v| v / a[at][at]).collect()).collect()
}

/// With the power 1/2 two items are as alike as their likes are by a ridge of everybody's likes on content.
#[test]
fn start_is_the_ridge_of_likes_on_content() {
    let (items, lambda, weights) = (90, 3.0, [1.0, 0.5]);
    let allowed: Vec<bool> = (0..items).map(|i| i % 4 != 0).collect();
    let space = Space::new(contents(items, KINDS, 1.5), &allowed, 48, &[12, 9], 3);
    let people: Vec<Sequence> = people().into_iter().take(15).map(|s| Sequence { items: s.items.into_iter().filter(|i| (*i as usize) < items).collect(), ..s }).collect();
    let known: Vec<usize> = (0..items).filter(|&i| allowed[i] && people.iter().any(|p| p.items.contains(&(i as u32)))).collect();
    let mut rows = vec![Vec::new(); items];
    for m in 0..2 {
        let (inputs, rank) = space.inputs(m);
        let has = &space.contents()[m].has;
        let of = |item: usize, column: usize| f64::from(inputs[item * rank + column]);
        for column in 0..rank {
            let with: Vec<usize> = known.iter().copied().filter(|&i| has[i]).collect();
            let mean = with.iter().map(|&i| of(i, column)).sum::<f64>() / with.len() as f64;
            (0..items).for_each(|i| rows[i].push(if has[i] { weights[m] * (of(i, column) - mean) } else { 0.0 }));
        }
    }
    let n = rows[0].len();
    let share = |p: &Sequence| 1.0 / (p.items.iter().filter(|i| allowed[**i as usize]).count() as f64).sqrt();
    let gram = (0..n).map(|a| (0..n).map(|b| known.iter().map(|&i| rows[i][a] * rows[i][b]).sum::<f64>() + if a == b { lambda } else { 0.0 }).collect()).collect();
    let right = (0..n).map(|a| people.iter().map(|p| p.items.iter().filter(|i| allowed[**i as usize]).map(|&i| rows[i as usize][a]).sum::<f64>() * share(p)).collect()).collect();
    let map = solve(gram, right);
    let liked: Vec<Vec<f64>> = rows.iter().map(|z| (0..people.len()).map(|u| z.iter().zip(&map).map(|(z, w)| z * w[u]).sum()).collect()).collect();
    let start = Start { weights: weights.map(|w| w as f32).to_vec(), lambda: lambda as f32, power: 0.5 };
    let likes = Likes::new(&space, &allowed, &people);
    let vectors = space.encode(&likes.start(&space, &start).unwrap(), &[true; 2]);
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    for (a, b) in (0..items).flat_map(|a| [(a, (a + 1) % items), (a, (a + KINDS) % items)]) {
        let expected = dot(&liked[a], &liked[b]) / (dot(&liked[a], &liked[a]) * dot(&liked[b], &liked[b])).sqrt();
        let found: f32 = vectors[a * 48..(a + 1) * 48].iter().zip(&vectors[b * 48..(b + 1) * 48]).map(|(a, b)| a * b).sum();
        assert!((f64::from(found) - expected).abs() < 2e-3, "items {a} and {b}: {found}, expected {expected}");
    }
}

#[test]
fn start_weighs_a_modality_that_tells_nothing_down() {
    let (split, allowed) = held_out(1);
    let mut contents = contents(ITEMS, KINDS, 1.5);
    let mut chance = crate::catalogs::Seeded(11);
    let noise = (0..ITEMS).flat_map(|_| super::unit(chance.vector(super::IMAGE))).collect();
    contents[1] = Content::new("image", super::IMAGE, noise);
    let space = Space::new(contents, &allowed, DIM, &[20], 3);
    let data = Data { allowed: &allowed, sequences: &split.train, valid: &split.valid, candidates: split.valid_candidates.as_deref(), held: &[] };
    let likes = Likes::new(&space, &allowed, &split.train);
    let reached = |start: &Start| quality(&space, &data, &likes.start(&space, start).unwrap());
    let chosen = likes.choose(&space, &|parameters| quality(&space, &data, parameters)).unwrap();
    assert!(chosen.weights[1] < 0.5, "{chosen:?}");
    let alike = Start { weights: vec![1.0, 2.0], ..chosen.clone() };
    assert!(reached(&chosen) > reached(&alike), "{} as chosen, {} with pictures that count twice", reached(&chosen), reached(&alike));
}

#[test]
fn folds_are_pooled_by_person() {
    let (split, allowed) = held_out(1);
    let space = Space::new(contents(ITEMS, KINDS, 2.5), &allowed, DIM, &[20], 3);
    let once = || by_cases(&views(&space, &space.start(1, 0.0)), &split.test, split.test_candidates.as_deref(), 5, 1);
    let (one, twice) = (once(), pool(vec![once(), once()], 1));
    for (one, twice) in one.iter().zip(&twice) {
        assert_eq!((&one.name, &one.metrics, one.lost), (&twice.name, &twice.metrics, twice.lost), "the same cases again are nothing new");
    }
}

#[test]
fn learning_is_decided_by_its_seed() {
    let space = space(ITEMS, KINDS, 1.5);
    let few = Settings { epochs: 2, ..settings() };
    let (first, again) = (learn(&space, &few, None, &mut |_| ()), learn(&space, &few, None, &mut |_| ()));
    assert_eq!(first.parameters, again.parameters);
    // What people like is learned in closed form, without draws; from items alone every start and batch is drawn.
    let allowed = vec![true; ITEMS];
    let items = Data { allowed: &allowed, sequences: &[], valid: &[], candidates: None, held: &[] };
    let alone = |seed: u64| train(&space, &items, &Settings { seed, ..few.clone() }, None, &mut |_, _| Ok(())).unwrap().parameters;
    assert_eq!(alone(1), alone(1));
    assert_ne!(alone(1), alone(2));
}

#[test]
fn learning_that_stopped_goes_on_as_if_it_had_not() {
    let space = space(ITEMS, KINDS, 1.5);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let whole = learn(&space, &Settings { epochs: 6, ..settings() }, None, &mut |state| {
        if state.epoch == 3 {
            keep(&path, "this", state).unwrap();
        }
    });
    let state = resume(&path, "this", space.parameters()).unwrap().unwrap();
    assert_eq!(state.epoch, 3);
    let gone_on = learn(&space, &Settings { epochs: 6, ..settings() }, Some(state), &mut |_| ());
    assert_eq!(whole.parameters, gone_on.parameters);
    assert_eq!((whole.epoch, whole.validation), (gone_on.epoch, gone_on.validation));
    assert!(matches!(resume(&path, "another", space.parameters()), Err(Error::Mismatch(text)) if text.contains("--resume")));
    assert!(matches!(resume(&path, "this", 5), Err(Error::Corrupt { .. })));
    assert!(resume(&folder.path().join("none"), "this", 5).unwrap().is_none());
}
