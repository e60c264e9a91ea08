//! The image tower on drawings that are made here: its gradients, what it learns, and that a seed decides everything.

use palate::Error;
use palate::compute::graph::Batch;
use palate::format::pack::ModelId;
use palate::math::rng::Rng;
use palate::train::tower::augment::{Changes, Source, view};
use palate::train::tower::descent::orthogonal;
use palate::train::tower::loss::{Weighting, loss};
use palate::train::tower::passes::{backward, forward, zeros};
use palate::train::tower::start::{Shape, Start, random};
use palate::train::tower::state::State;
use palate::train::tower::{Epoch, Example, Settings, Split, Told, encode, rank, run_hash, train};

const SIZE: usize = 32;
pub const DIM: usize = 16;
const KINDS: usize = 6;

pub fn space() -> ModelId {
    ModelId { name: "texts".into(), sha256: "0".repeat(64) }
}

fn tiny() -> Start {
    let shape = Shape { stem: 8, layers: vec![(12, 2), (12, 1), (16, 2)], expansion: 3, last: 48 };
    random(&shape, SIZE, DIM, &space(), 7).unwrap()
}

pub fn unit(mut v: Vec<f32>) -> Vec<f32> {
    let length = v.iter().map(|v| v * v).sum::<f32>().sqrt();
    v.iter_mut().for_each(|v| *v /= length);
    v
}

/// A disc, a ring, a bar, ... of a kind's own color somewhere near the middle, clear around it.
fn drawing(kind: usize, rng: &mut Rng) -> Source {
    let (cx, cy, r) = (18.0 + 8.0 * rng.unit(), 18.0 + 8.0 * rng.unit(), 9.0 + 6.0 * rng.unit());
    let color = [[220, 30, 30], [30, 180, 40], [40, 60, 220], [230, 200, 20], [150, 30, 160], [20, 20, 20]][kind];
    let mut rgba = vec![0u8; 44 * 44 * 4];
    for (at, pixel) in rgba.chunks_exact_mut(4).enumerate() {
        let (x, y) = ((at % 44) as f64 - cx, (at / 44) as f64 - cy);
        let d = (x * x + y * y).sqrt();
        let inside = match kind % 3 {
            0 => d < r,
            1 => d < r && d > 0.55 * r,
            _ => x.abs() < r && y.abs() < 0.4 * r,
        };
        if inside {
            pixel[..3].copy_from_slice(&color);
            pixel[3] = 255;
        }
    }
    Source::new(44, 44, 44, &rgba)
}

fn catalog(each: usize) -> Vec<Example<Source>> {
    let mut rng = Rng::new(3);
    let kinds: Vec<Vec<f32>> = (0..KINDS).map(|_| unit((0..DIM).map(|_| rng.normal() as f32).collect())).collect();
    let mut all = Vec::new();
    for n in 0..each {
        for (kind, base) in kinds.iter().enumerate() {
            let text = unit(base.iter().map(|v| v + 0.05 * rng.normal() as f32).collect());
            all.push(Example { key: format!("{kind}-{n}"), input: drawing(kind, &mut rng), text });
        }
    }
    all
}

fn settings(epochs: usize) -> Settings {
    Settings { epochs, patience: epochs, batch: 16, learning_rate: 2e-3, held_out: 0.25, validation: 0.2, seed: 5, ..Settings::default() }
}

/// Keeps the states of all epochs; may stop after one.
#[derive(Default)]
struct Kept {
    states: Vec<Vec<u8>>,
    epochs: Vec<Epoch>,
    stop_after: Option<usize>,
}

impl Told for Kept {
    fn seen(&mut self, _: usize, _: usize) {}

    fn epoch(&mut self, epoch: Epoch, state: &State) -> palate::Result<()> {
        self.states.push(state.to_bytes()?);
        self.epochs.push(epoch);
        match self.stop_after {
            Some(last) if epoch.number == last => Err(Error::Aborted),
            _ => Ok(()),
        }
    }
}

/// Holds the gradient of every weight against differences of the loss, along the gradient itself: a kink of one number does not
/// matter there. `batch` is of three items.
pub fn assert_gradients(start: &Start, batch: &Batch, rng: &mut Rng) {
    let own = [0usize, 2, 1];
    let texts: Vec<f32> = (0..4).flat_map(|_| unit((0..DIM).map(|_| rng.normal() as f32).collect())).collect();
    let weighting = Weighting { temperature: 0.5, shared: 0.3, cosine: 0.7, backward: 0.5 };
    let value = |weights: &Vec<Vec<f32>>| {
        let outs = forward(&start.graph, weights, batch);
        loss(outs.last().unwrap(), &texts, &own, DIM, &weighting).0
    };
    let outs = forward(&start.graph, &start.weights, batch);
    let (_, last) = loss(outs.last().unwrap(), &texts, &own, DIM, &weighting);
    let mut gradient = zeros(&start.graph);
    backward(&start.graph, &start.weights, batch, &outs, last, 0, &mut gradient);
    for (at, g) in gradient.iter().enumerate() {
        let length = g.iter().map(|v| v * v).sum::<f32>().sqrt();
        // What is added to all keys moves the scores of a row alike, and its softmax not at all.
        if start.graph.weights[at].name.ends_with("keys.bias") {
            assert!(length < 1e-6, "{length}");
            continue;
        }
        assert!(length > 0.0, "weight {} learns nothing", start.graph.weights[at].name);
        let step = 2e-3f32;
        let moved = |sign: f32| {
            let mut weights = start.weights.clone();
            weights[at].iter_mut().zip(g).for_each(|(w, g)| *w += sign * step * g / length);
            value(&weights)
        };
        let found = (moved(1.0) - moved(-1.0)) / f64::from(2.0 * step);
        let relative = (found - f64::from(length)).abs() / f64::from(length).max(1e-3);
        assert!(relative < 0.05, "{}: {found} by differences, {length}", start.graph.weights[at].name);
    }
}

#[test]
fn tower_gradients_are_those_of_differences() {
    let mut rng = Rng::new(1);
    let pixels: Vec<f32> = (0..3 * SIZE * SIZE * 3).map(|_| (rng.unit() * 2.0 - 1.0) as f32).collect();
    assert_gradients(&tiny(), &Batch { items: 3, floats: vec![pixels], ..Batch::default() }, &mut rng);
}

#[test]
fn tower_finds_the_texts_of_pictures_it_never_saw() {
    let (examples, start, settings) = (catalog(16), tiny(), settings(60));
    let mut kept = Kept::default();
    let state = train(&examples, &start, &settings, None, &mut kept).unwrap();
    assert!(kept.epochs.last().unwrap().loss < 0.8 * kept.epochs[0].loss, "{:?}", kept.epochs);
    let keys: Vec<&str> = examples.iter().map(|e| e.key.as_str()).collect();
    let split = Split::new(&keys, settings.held_out, settings.validation, settings.seed);
    assert_eq!(split.held_out.len(), 24);
    let pictures: Vec<&Source> = split.held_out.iter().map(|&at| &examples[at].input).collect();
    let texts: Vec<&[f32]> = examples.iter().map(|e| e.text.as_slice()).collect();
    let vectors = encode(&start, &state.best, &pictures);
    // Sixteen of 96 texts are of a picture's kind; ten hits come by chance once in 600.
    let right = vectors.iter().zip(&split.held_out).filter(|(v, at)| rank(v, &examples[**at].text, &texts) <= 16).count();
    assert!(right >= 10, "{right} of 24 find their text among the 16 nearest; by chance it is 4");
}

#[test]
fn tower_learns_faster_where_its_matrices_go_by_muon() {
    let (examples, start) = (catalog(16), tiny());
    let losses = |matrix_rate: f32| {
        let mut kept = Kept::default();
        train(&examples, &start, &Settings { matrix_rate, ..settings(20) }, None, &mut kept).unwrap();
        kept.epochs.last().unwrap().loss
    };
    let (adam, muon) = (losses(0.0), losses(0.01));
    println!("loss after twenty epochs: {adam:.3} by AdamW, {muon:.3} by Muon");
    assert!(muon < adam, "{muon} and {adam}");
}

#[test]
fn tower_steps_of_matrices_are_as_long_in_every_direction() {
    // Two singular values, a hundred to one, and none beside them; wide and tall.
    let (u, v) = ([[0.6f32, 0.8, 0.0], [0.8, -0.6, 0.0]], [[1.0f32, 0.0, 0.0, 0.0, 0.0], [0.0, 0.28, 0.96, 0.0, 0.0]]);
    let product = |values: [f32; 2]| -> Vec<f32> { (0..3).flat_map(|r| (0..5).map(move |c| (0..2).map(|k| values[k] * u[k][r] * v[k][c]).sum())).collect() };
    let turned = |m: &[f32]| -> Vec<f32> { (0..5).flat_map(|c| (0..3).map(move |r| m[r * 5 + c])).collect() };
    let matrix = product([10.0, 0.1]);
    let wide = orthogonal(&matrix, 3, 5);
    let value = |k: usize| (0..3).flat_map(|r| (0..5).map(move |c| (r, c))).map(|(r, c)| u[k][r] * wide[r * 5 + c] * v[k][c]).sum::<f32>();
    let values = [value(0), value(1)];
    assert!(values.iter().all(|value| (0.2..1.3).contains(value)), "{values:?}");
    product(values).iter().zip(&wide).for_each(|(a, b)| assert!((a - b).abs() < 1e-4, "nothing in other directions: {a} and {b}"));
    turned(&wide).iter().zip(&orthogonal(&turned(&matrix), 5, 3)).for_each(|(a, b)| assert!((a - b).abs() < 1e-5, "{a} and {b}"));
    assert!(orthogonal(&[0.0; 15], 3, 5).iter().all(|v| *v == 0.0), "where there is no way, none is gone");
}

#[test]
fn tower_of_a_seed_is_the_same_on_any_number_of_threads_and_when_it_was_interrupted() {
    let (examples, start) = (catalog(5), tiny());
    // Both ways of a step.
    let settings = |epochs| Settings { matrix_rate: 4e-3, ..settings(epochs) };
    let whole = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| train(&examples, &start, &settings(3), None, &mut Kept::default())).unwrap()
    };
    let (one, two) = (whole(1), whole(2));
    assert_eq!(one, two);
    let other = train(&examples, &start, &Settings { seed: 6, ..settings(3) }, None, &mut Kept::default()).unwrap();
    assert_ne!(one.weights, other.weights);

    let mut kept = Kept { stop_after: Some(2), ..Kept::default() };
    assert!(matches!(train(&examples, &start, &settings(3), None, &mut kept), Err(Error::Aborted)));
    let run = run_hash(&examples, &start, &settings(3));
    let resumed = State::parse(kept.states.pop().unwrap(), "the state", &start.graph, &run).unwrap();
    assert_eq!(resumed.epoch, 2);
    assert_eq!(train(&examples, &start, &settings(3), Some(resumed), &mut Kept::default()).unwrap(), one);

    let bytes = kept.states.pop().unwrap();
    let elsewhere = State::parse(bytes.clone(), "the state", &start.graph, &run_hash(&examples[1..], &start, &settings(3)));
    assert_eq!(elsewhere.unwrap_err().code(), "mismatch");
    assert_eq!(State::parse(bytes[..bytes.len() / 2].to_vec(), "the state", &start.graph, &run).unwrap_err().code(), "corrupt");
}

#[test]
fn tower_split_does_not_depend_on_the_order_and_holds_nothing_twice() {
    let keys: Vec<String> = (0..100).map(|n| format!("k{n}")).collect();
    let forward: Vec<&str> = keys.iter().map(String::as_str).collect();
    let backward: Vec<&str> = forward.iter().rev().copied().collect();
    let names = |keys: &[&str], part: &[usize]| part.iter().map(|&at| keys[at].to_string()).collect::<Vec<_>>();
    let (a, b) = (Split::new(&forward, 0.2, 0.1, 4), Split::new(&backward, 0.2, 0.1, 4));
    assert_eq!(names(&forward, &a.held_out), names(&backward, &b.held_out));
    assert_eq!((a.held_out.len(), a.validation.len(), a.train.len()), (20, 8, 72));
    let mut all: Vec<usize> = [a.train, a.validation, a.held_out].concat();
    all.sort_unstable();
    assert_eq!(all, (0..100).collect::<Vec<_>>());
}

#[test]
fn tower_views_are_in_bounds_and_lines_are_dark_on_white() {
    let source = drawing(1, &mut Rng::new(1));
    let plain = view(&source, SIZE, None);
    assert_eq!(plain.len(), SIZE * SIZE * 3);
    assert_eq!(plain[..3], [1.0; 3], "clear is white");
    for seed in 0..40 {
        let lines = Changes { lines: 1.0, flip: true, erased: 0.0 };
        let drawn = view(&source, SIZE, Some((&lines, &mut Rng::new(seed))));
        assert!(drawn.as_chunks::<3>().0.iter().all(|p| p[0] == p[1] && p[1] == p[2]), "lines have no color");
        let white = drawn.iter().filter(|&&v| v > 0.9).count();
        assert!(white > drawn.len() / 2 && white < drawn.len(), "{white} of {} are white", drawn.len());
        let changes = Changes { lines: 0.0, flip: true, erased: 0.5 };
        let changed = view(&source, SIZE, Some((&changes, &mut Rng::new(seed))));
        assert!(changed.iter().all(|v| (-1.0..=1.0).contains(v)));
        assert_ne!(changed, plain);
    }
}
