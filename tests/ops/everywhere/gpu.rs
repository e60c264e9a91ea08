//! The cases of the GPU: every op, on what plays one, against plain loops in f64 and against the CPU executor.
//!
//! Written once: natively each is a test (`../webgpu.rs`), and the browser runs the same list (`../../browser/ops.rs`).

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use palate::compute::builder::Builder;
use palate::compute::cpu::isa::Isa;
use palate::compute::cpu::{CpuModel, Workspace};
use palate::compute::graph::{Activation, Batch, Graph, Mask, PoolKind, Value};
use palate::compute::int4;
use palate::compute::webgpu::{Gpu, GpuModel, GpuScan, Length, Seen, Tilings};
use palate::format::tensors::{DType, Part, TensorFile, f16_to_f32, write};
use palate::math::rng::Rng;
use palate::math::scan::{Query, scan};

use super::fused::{webgpu_joint_space_is_right, webgpu_video_text_is_right};
use super::loops::{self, f64s};
use super::{Numbers, oblong_windows, offsets, tolerance, windows};

/// What a case found wrong.
pub struct Wrong(pub String);

impl<E: Display> From<E> for Wrong {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

pub type Outcome = Result<(), Wrong>;
/// A case on its way.
pub type Running<'a> = Pin<Box<dyn Future<Output = Outcome> + 'a>>;

/// Hands the names of all cases to a macro.
macro_rules! cases {
    ($to:ident) => {
        $to! {
            webgpu_linear_f32_is_right
            webgpu_linear_i8_multiplies_the_packs_own_weights
            webgpu_linear_of_halves_and_of_four_bits_is_right
            webgpu_embed_sums_rows_of_both_kinds
            webgpu_layer_norm_and_normalize_are_right
            webgpu_attention_and_pool_keep_items_apart
            webgpu_attention_of_tiles_and_with_a_bias_is_right
            webgpu_lstm_runs_along_each_item
            webgpu_windows_and_learned_rows_are_right
            webgpu_joint_space_is_right
            webgpu_video_text_is_right
            webgpu_scan_gives_the_processors_scores_to_the_bit
            webgpu_scan_does_not_overflow_at_the_extremes
        }
    };
}
pub(crate) use cases;

macro_rules! table {
    ($($name:ident)*) => {
        /// Every case by its name.
        pub const CASES: &[(&str, for<'a> fn(&'a Stand) -> Running<'a>)] = &[$((stringify!($name), |stand| Box::pin($name(stand)))),*];
    };
}
cases!(table);

/// The stems of all ops, as the graph names them.
pub fn ops() -> BTreeSet<&'static str> {
    let arms = include_str!("../../../src/compute/graph.rs").lines().filter_map(|line| line.trim().strip_prefix("Op::")?.split_once(" { .. } => \""));
    arms.filter_map(|(_, stem)| stem.strip_suffix("\",")).collect()
}

/// A GPU, and which ops were run on it.
pub struct Stand {
    pub gpu: Rc<Gpu>,
    pub ran: RefCell<BTreeSet<&'static str>>,
}

/// How near to the loops and to the CPU.
pub const NEAR: [f64; 2] = [tolerance::WEBGPU; 2];
const EXACT: [f64; 2] = [0.0; 2];
/// The CPU multiplies int8 by activations of seven bits.
const NEAR_I8: [f64; 2] = [tolerance::WEBGPU, tolerance::WEBGPU_CPU_I8];
/// The same where the device makes halves of activations.
const NEAR_HALVES: [f64; 2] = [tolerance::WEBGPU_HALVES, tolerance::WEBGPU_CPU_I8];

impl Stand {
    pub fn new(gpu: Rc<Gpu>) -> Self {
        Self { gpu, ran: RefCell::default() }
    }

    /// Runs a graph on the GPU (twice, the second run over what the first left) and on the CPU, and compares with `want`.
    async fn check(&self, what: &str, parts: &[Part<'_>], tilings: Tilings, graph: impl Fn(&mut Builder<'_>) -> palate::Result<()>, batch: &Batch, want: &[f64], near: [f64; 2]) -> Outcome {
        let bytes = write(parts, &BTreeMap::new()).map_err(|e| format!("{what}: {e}"))?;
        let file = TensorFile::parse(bytes, "a test")?;
        let mut builder = Builder::new(&file);
        graph(&mut builder)?;
        self.tiled(what, &file, builder.finish(), tilings, batch, want, near).await
    }

    /// The same with a graph that is there already.
    async fn tiled(&self, what: &str, file: &TensorFile, graph: Graph, tilings: Tilings, batch: &Batch, want: &[f64], near: [f64; 2]) -> Outcome {
        self.ran.borrow_mut().extend(graph.nodes.iter().map(|node| node.op.stem()));
        let cpu = CpuModel::new(graph.clone(), file, Isa::best())?.run(batch, &mut Workspace::default())?;
        let model = GpuModel::new(Rc::clone(&self.gpu), graph, file, tilings, &[]).await?;
        let first = model.run(batch).await?;
        if first != model.run(batch).await? {
            return Err(Wrong(format!("{what}: a second run gives something else")));
        }
        close(what, &first, want, near[0])?;
        close(&format!("{what}, the CPU"), &cpu, &f64s(&first), near[1])
    }

    /// The same with the tilings that the device begins with.
    async fn usual(&self, what: &str, parts: &[Part<'_>], graph: impl Fn(&mut Builder<'_>) -> palate::Result<()>, batch: &Batch, want: &[f64], near: [f64; 2]) -> Outcome {
        self.check(what, parts, Tilings::of(&self.gpu), graph, batch, want, near).await
    }

    /// The same of a graph that a model made.
    pub async fn whole(&self, what: &str, file: &TensorFile, graph: Graph, batch: &Batch, want: &[f64], near: [f64; 2]) -> Outcome {
        self.tiled(what, file, graph, Tilings::of(&self.gpu), batch, want, near).await
    }
}

/// Closeness in the sense of [`tolerance`].
pub fn close(what: &str, found: &[f32], expected: &[f64], tolerance: f64) -> Outcome {
    if found.len() != expected.len() {
        return Err(Wrong(format!("{what}: {} numbers, expected {}", found.len(), expected.len())));
    }
    let scale = expected.iter().fold(1e-3f64, |m, v| m.max(v.abs()));
    let error = |(f, e): (&f32, &f64)| (f64::from(*f) - e).abs() / scale;
    let worst = found.iter().zip(expected).map(error).fold(0.0, |m: f64, e| if e.is_nan() { f64::INFINITY } else { m.max(e) });
    if worst > tolerance { Err(Wrong(format!("{what}: error {worst:.2e} of {scale}"))) } else { Ok(()) }
}

/// Numbers as the ops get them.
fn numbers(seed: u64, n: usize) -> Vec<f32> {
    Numbers(seed).take(n).iter().map(|v| v * 2.0 + 0.25).collect()
}

/// Rows of `x`, of items of these lengths.
fn rows(lens: &[usize], x: &[f32]) -> Batch {
    Batch { items: lens.len(), offsets: vec![offsets(lens)], floats: vec![x.to_vec()], ..Default::default() }
}

/// What a file holds for graphs without weights.
fn nothing() -> Part<'static> {
    Part::f32("nothing", &[1], &[0.0])
}

const ACTIVATIONS: [Activation; 7] = [
    Activation::None,
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::QuickGelu,
    Activation::Relu,
    Activation::Relu6,
    Activation::Tanh,
];

/// Every tiling that the device has what it takes for, as the only one.
fn all_tilings(gpu: &Gpu) -> Vec<Tilings> {
    Tilings::LONG.iter().filter(|tiling| tiling.fits(gpu.extras())).map(|&tiling| Tilings { short: tiling, long: tiling }).collect()
}

/// Rows, outputs and inputs of products.
const SHAPES: [(usize, usize, usize); 8] = [(1, 1, 1), (1, 384, 384), (3, 5, 7), (2, 70, 33), (67, 24, 130), (65, 17, 384), (131, 300, 61), (40, 1536, 97)];

async fn webgpu_linear_f32_is_right(stand: &Stand) -> Outcome {
    for (seed, (m, n, k)) in SHAPES.into_iter().enumerate() {
        let x = numbers(seed as u64 + 1, m * k);
        let mut numbers = Numbers(seed as u64 + 77);
        // Sums of size one: a tanh hides larger ones, and their error with them.
        let weights: Vec<f32> = numbers.take(n * k).iter().map(|w| w / (k as f32).sqrt()).collect();
        let bias = numbers.take(n);
        let parts = [Part::f32("w.weight", &[n, k], &weights), Part::f32("w.bias", &[n], &bias)];
        let sums = loops::linear(&f64s(&x), &f64s(&weights), &bias, k);
        for activation in ACTIVATIONS {
            let want: Vec<f64> = sums.iter().map(|&sum| loops::activate(activation, sum)).collect();
            for tilings in all_tilings(&stand.gpu) {
                let graph = |b: &mut Builder<'_>| {
                    let x = b.float_rows(0, k);
                    b.linear(x, &[("w", n)], activation, None).map(|_| ())
                };
                stand.check(&format!("linear {m}x{n}x{k} {activation:?} {tilings:?}"), &parts, tilings, graph, &rows(&[m], &x), &want, NEAR).await?;
            }
        }
    }
    Ok(())
}

/// Columns that are far larger than the others, in products that have room for them.
fn outliers(k: usize) -> Vec<u32> {
    if k >= 64 { (0..k as u32).step_by(29).collect() } else { Vec::new() }
}

fn with_outliers(seed: u64, m: usize, k: usize) -> Vec<f32> {
    let mut x = numbers(seed, m * k);
    x.chunks_exact_mut(k).for_each(|row| outliers(k).iter().for_each(|&c| row[c as usize] *= 10.0));
    x
}

/// A product, and another one that adds the first. `bytes`: the inputs as tilings see them that make bytes of them.
async fn twice(stand: &Stand, what: &str, parts: &[Part<'_>], (m, n, k): (usize, usize, usize), x: &[f32], bytes: Option<&[f64]>, weights: &[f64], bias: &[f32], near: [f64; 2]) -> Outcome {
    for tilings in all_tilings(&stand.gpu) {
        let makes = tilings.seen(Length::of(m));
        let seen = bytes.filter(|_| makes == Seen::Bytes).map_or_else(|| f64s(x), <[f64]>::to_vec);
        let near = if bytes.is_some() && makes == Seen::Halves { NEAR_HALVES } else { near };
        let sums = loops::linear(&seen, weights, bias, k);
        let want: Vec<f64> = sums.iter().map(|&sum| sum + loops::activate(Activation::Gelu, sum)).collect();
        let graph = |b: &mut Builder<'_>| {
            let x = b.float_rows(0, k);
            let first = b.linear(x, &[("w", n)], Activation::None, None)?;
            b.linear(x, &[("w", n)], Activation::Gelu, Some(first)).map(|_| ())
        };
        stand.check(&format!("{what} {m}x{n}x{k} {tilings:?}"), parts, tilings, graph, &rows(&[m], x), &want, near).await?;
    }
    Ok(())
}

async fn webgpu_linear_i8_multiplies_the_packs_own_weights(stand: &Stand) -> Outcome {
    for (seed, shape) in SHAPES.into_iter().enumerate() {
        let (m, n, k) = shape;
        let x = with_outliers(seed as u64 + 21, m, k);
        let mut numbers = Numbers(seed as u64 + 99);
        let (weights, bias, outliers) = (numbers.take(n * k), numbers.take(n), outliers(k));
        let (q, scales, apart) = int4::to_int8(&weights, k, &outliers);
        let mut parts = vec![Part::i8("w.weight", &[n, k], &q), Part::f32("w.weight.scale", &[n], &scales), Part::f32("w.bias", &[n], &bias)];
        if !outliers.is_empty() {
            parts.extend([Part::u32("w.weight.outliers", &[outliers.len()], &outliers), Part::f32("w.weight.outliers.scale", &[n], &apart)]);
        }
        let scale = |o: usize, i: usize| f64::from(if outliers.contains(&(i as u32)) { apart[o] } else { scales[o] });
        let weights: Vec<f64> = (0..n * k).map(|at| f64::from(q[at]) * scale(at / k, at % k)).collect();
        twice(stand, "linear int8", &parts, shape, &x, Some(&loops::as_bytes(&x, k, &outliers)), &weights, &bias, NEAR_I8).await?;
    }
    Ok(())
}

async fn webgpu_linear_of_halves_and_of_four_bits_is_right(stand: &Stand) -> Outcome {
    for (seed, shape) in SHAPES.into_iter().enumerate() {
        let (m, n, k) = shape;
        let mut rng = Rng::new(seed as u64 + 3);
        // 2^-3 to 2^-2, and either sign.
        let mut half = || (0x3000 + rng.below(0x400) + rng.below(2) * 0x8000) as u16;
        let weights: Vec<u16> = (0..n * k).map(|_| half()).collect();
        let scales: Vec<u16> = (0..n * int4::groups(k)).map(|_| half() & 0x7fff).collect();
        let bias = Numbers(seed as u64 + 199).take(n);
        let x = with_outliers(seed as u64 + 121, m, k);
        let parts = [Part::f16("w.weight", &[n, k], &weights), Part::f32("w.bias", &[n], &bias)];
        let numbers: Vec<f64> = weights.iter().map(|&half| f64::from(f16_to_f32(half))).collect();
        twice(stand, "linear f16", &parts, shape, &x, None, &numbers, &bias, NEAR).await?;

        let outliers = outliers(k);
        let place = |at: usize| outliers.binary_search(&((at % k) as u32)).ok();
        let q: Vec<i8> = (0..n * k).map(|at| if place(at).is_some() { 0 } else { rng.below(16) as i8 - 8 }).collect();
        let wide: Vec<i8> = (0..n * outliers.len()).map(|_| (rng.below(255) as i16 - 127) as i8).collect();
        let apart: Vec<f32> = (0..n).map(|_| (rng.unit() as f32 + 0.1) / 100.0).collect();
        let bytes = int4::pack(&q, k);
        let mut parts = vec![
            Part { name: "w.weight".into(), dtype: DType::U8, shape: vec![n, k.div_ceil(2)], bytes: bytes.into() },
            Part::f16("w.weight.scale", &[n, int4::groups(k)], &scales),
            Part::f32("w.bias", &[n], &bias),
        ];
        if !outliers.is_empty() {
            parts.extend([
                Part::u32("w.weight.outliers", &[outliers.len()], &outliers),
                Part::i8("w.weight.outliers.weight", &[n, outliers.len()], &wide),
                Part::f32("w.weight.outliers.scale", &[n], &apart),
            ]);
        }
        let number = |at: usize| match place(at) {
            Some(which) => f64::from(wide[at / k * outliers.len() + which]) * f64::from(apart[at / k]),
            None => f64::from(q[at]) * f64::from(f16_to_f32(scales[at / k * int4::groups(k) + at % k / int4::GROUP])),
        };
        let weights: Vec<f64> = (0..n * k).map(number).collect();
        twice(stand, "linear int4", &parts, shape, &x, None, &weights, &bias, NEAR_I8).await?;
    }
    Ok(())
}

async fn webgpu_embed_sums_rows_of_both_kinds(stand: &Stand) -> Outcome {
    for (seed, (rows, cols, entries)) in [(1, 1, 1), (5, 7, 3), (33, 384, 11), (70, 65, 200)].into_iter().enumerate() {
        let table = |add: u64, n: usize| Numbers(seed as u64 + add).take(n * cols).iter().map(|v| (v * 127.0) as i8).collect::<Vec<_>>();
        let (q, other) = (table(5, entries), table(8, rows));
        let (scales, other_scales) = (Numbers(seed as u64 + 6).take(entries), Numbers(seed as u64 + 9).take(rows));
        let kinds = Numbers(seed as u64 + 10).take(3 * cols);
        let parts = [
            Part::i8("x", &[rows, cols], &other),
            Part::f32("x.scale", &[rows], &other_scales),
            Part::f32("f", &[3, cols], &kinds),
            Part::i8("t", &[entries, cols], &q),
            Part::f32("t.scale", &[entries], &scales),
        ];
        let chosen: Vec<u32> = (0..rows as u32).map(|r| r * 7 % entries as u32).collect();
        let batch = Batch { items: 1, offsets: vec![offsets(&[rows])], ids: vec![(0..rows as u32).collect(), chosen.clone(), (0..rows as u32).map(|r| r % 3).collect()], ..Default::default() };
        let sum = |at: usize| {
            let (row, col) = (at / cols, at % cols);
            let id = chosen[row] as usize;
            f64::from(other[at]) * f64::from(other_scales[row]) + f64::from(q[id * cols + col]) * f64::from(scales[id])
        };
        for floats in [false, true] {
            let want: Vec<f64> = (0..rows * cols).map(|at| sum(at) + if floats { f64::from(kinds[at / cols % 3 * cols + at % cols]) } else { 0.0 }).collect();
            let mut batch = batch.clone();
            batch.ids.truncate(2 + usize::from(floats));
            let graph = |b: &mut Builder<'_>| {
                let (one, two) = (b.id_input(0, rows), b.id_input(0, entries));
                let mut tables = vec![("x", rows, one), ("t", entries, two)];
                if floats {
                    tables.insert(1, ("f", 3, b.id_input(0, 3)));
                }
                b.embed(cols, &tables).map(|_| ())
            };
            stand.usual(&format!("embed {rows}x{cols} of {entries}, floats {floats}"), &parts, graph, &batch, &want, NEAR).await?;
        }
    }
    Ok(())
}

async fn webgpu_layer_norm_and_normalize_are_right(stand: &Stand) -> Outcome {
    for (seed, (count, cols)) in [(1, 1), (3, 5), (9, 384), (65, 131), (17, 1030)].into_iter().enumerate() {
        let x = numbers(seed as u64 + 3, count * cols);
        let mut numbers = Numbers(seed as u64 + 31);
        let (weights, bias) = (numbers.take(cols), numbers.take(cols));
        let parts = [Part::f32("n.weight", &[cols], &weights), Part::f32("n.bias", &[cols], &bias)];
        let graph = |b: &mut Builder<'_>| {
            let x = b.float_rows(0, cols);
            b.layer_norm(x, "n", 1e-5).map(|_| ())
        };
        let want = loops::layer_norm(&x, &weights, &bias);
        stand.usual(&format!("layer_norm {count}x{cols}"), &parts, graph, &rows(&[count], &x), &want, NEAR).await?;
        let graph = |b: &mut Builder<'_>| {
            let x = b.float_rows(0, cols);
            b.normalize(x);
            Ok(())
        };
        stand.usual(&format!("normalize {count}x{cols}"), &parts, graph, &rows(&[count], &x), &loops::normalize(&x, cols), NEAR).await?;
    }
    Ok(())
}

async fn webgpu_attention_and_pool_keep_items_apart(stand: &Stand) -> Outcome {
    for (seed, (lens, heads, width)) in
        [(vec![1], 1, 1), (vec![3, 0, 5], 2, 7), (vec![17, 1, 64, 9], 12, 32), (vec![131], 3, 64), (vec![70, 71], 2, 10)].into_iter().enumerate()
    {
        let cols = 3 * heads * width;
        let x = numbers(seed as u64 + 40, lens.iter().sum::<usize>() * cols);
        let (what, offsets, batch) = (format!("{lens:?}x{heads}x{width}"), offsets(&lens), rows(&lens, &x));
        for mask in [Mask::None, Mask::Causal] {
            let graph = |b: &mut Builder<'_>| {
                let x = b.float_rows(0, cols);
                b.attention(x, heads, mask, None).map(|_| ())
            };
            let want = loops::attention(&x, &offsets, heads, width, mask, &[]);
            stand.usual(&format!("attention {mask:?} {what}"), &[nothing()], graph, &batch, &want, NEAR).await?;
        }
        for kind in [PoolKind::Mean, PoolKind::First, PoolKind::FirstTwo, PoolKind::Last] {
            let graph = |b: &mut Builder<'_>| {
                let x = b.float_rows(0, cols);
                b.pool(x, kind);
                Ok(())
            };
            stand.usual(&format!("pool {kind:?} {what}"), &[nothing()], graph, &batch, &loops::pool(&x, &offsets, cols, kind), NEAR).await?;
        }
    }
    Ok(())
}

/// Images that whole tiles cover, that leave a rest, that are smaller than a tile, and tiles that are cut.
pub const TILED: [(usize, usize, Mask); 5] = [
    (1, 1, Mask::Tiles { width: 1, side: 1, cut: 0 }),
    (3, 32, Mask::Tiles { width: 8, side: 4, cut: 2 }),
    (2, 35, Mask::Tiles { width: 5, side: 3, cut: 0 }),
    (1, 6, Mask::Tiles { width: 3, side: 8, cut: 5 }),
    (1, 256, Mask::Tiles { width: 16, side: 8, cut: 4 }),
];

async fn webgpu_attention_of_tiles_and_with_a_bias_is_right(stand: &Stand) -> Outcome {
    let ragged = [(vec![3, 0, 5], Mask::None, 7), (vec![17, 1, 40], Mask::Causal, 9), (vec![20], Mask::None, 257)];
    let tiled = TILED.map(|(items, rows, mask)| {
        let Mask::Tiles { side, .. } = mask else { unreachable!() };
        (vec![rows; items], mask, (2 * side - 1).pow(2))
    });
    for (seed, (lens, mask, entries)) in ragged.into_iter().chain(tiled).enumerate() {
        for (heads, width) in [(3, 8), (2, 7)] {
            let cols = 3 * heads * width;
            let x = Numbers(seed as u64 + 50).take(lens.iter().sum::<usize>() * cols);
            let bias = Numbers(seed as u64 + 60).take(entries * heads);
            let parts = [Part::f32("bias", &[entries, heads], &bias)];
            for name in [None, Some("bias")] {
                let graph = |b: &mut Builder<'_>| {
                    let value = if matches!(mask, Mask::Tiles { .. }) { b.float_input(lens[0], cols) } else { b.float_rows(0, cols) };
                    b.attention(value, heads, mask, name).map(|_| ())
                };
                let want = loops::attention(&x, &offsets(&lens), heads, width, mask, if name.is_some() { &bias } else { &[] });
                stand.usual(&format!("attention {mask:?} {lens:?} {heads}x{width} {name:?}"), &parts, graph, &rows(&lens, &x), &want, NEAR).await?;
            }
        }
    }
    Ok(())
}

async fn webgpu_lstm_runs_along_each_item(stand: &Stand) -> Outcome {
    for (seed, (lens, hidden)) in [(vec![1], 1), (vec![3, 0, 5], 7), (vec![17, 1, 30], 64), (vec![13], 131)].into_iter().enumerate() {
        let x = numbers(seed as u64 + 60, lens.iter().sum::<usize>() * 4 * hidden);
        let weights: Vec<f32> = Numbers(seed as u64 + 61).take(4 * hidden * hidden).iter().map(|w| w / (hidden as f32).sqrt()).collect();
        let graph = |b: &mut Builder<'_>| {
            let x = b.float_rows(0, 4 * hidden);
            b.lstm(x, "w").map(|_| ())
        };
        let want = loops::lstm(&x, &offsets(&lens), &weights, hidden);
        let parts = [Part::f32("w.weight", &[4 * hidden, hidden], &weights)];
        stand.usual(&format!("lstm {lens:?}x{hidden}"), &parts, graph, &rows(&lens, &x), &want, NEAR).await?;
    }
    Ok(())
}

/// The ops of pictures.
async fn webgpu_windows_and_learned_rows_are_right(stand: &Stand) -> Outcome {
    for (seed, (window, items, channels)) in windows().into_iter().chain(oblong_windows()).enumerate() {
        let mut numbers = Numbers(seed as u64 + 11);
        let inputs = window.inputs();
        let x = numbers.take(items * inputs * channels);
        let mut take = |rows: usize| numbers.take(rows * channels);
        let (taps, bias, first, table, query, kv) = (take(window.taps()), take(1), take(2), take(2 + inputs), take(1), take(2 * channels));
        let parts = [
            Part::f32("d.weight", &[window.taps(), channels], &taps),
            Part::f32("d.bias", &[channels], &bias),
            Part::f32("first", &[2, channels], &first),
            Part::f32("table", &[2 + inputs, channels], &table),
            Part::f32("query", &[1, channels], &query),
            Part::f32("kv.weight", &[2 * channels, channels], &kv),
        ];
        let keys_and_values: Vec<f32> = loops::linear(&f64s(&x), &f64s(&kv), &vec![0.0; 2 * channels], channels).iter().map(|&v| v as f32).collect();
        let pooled = loops::attention_pool(&keys_and_values, &offsets(&vec![inputs; items]), &query, 1);
        type Op<'a> = dyn Fn(&mut Builder<'_>, Value) -> palate::Result<Value> + 'a;
        let boxed = |op: Box<Op<'static>>| op;
        let mut ops = vec![
            ("input", boxed(Box::new(|_, x| Ok(x))), f64s(&x), EXACT),
            ("unfold", Box::new(move |b, x| b.unfold(x, window)), f64s(&loops::unfold(&x, channels, &window)), EXACT),
            ("positions", Box::new(|b, x| b.positions(x, Some(("first", 2)), "table")), f64s(&loops::positions(&x, inputs, &first, &table, channels)), EXACT),
            ("attention_pool", Box::new(move |b, x| {
                let kv = b.linear(x, &[("kv", 2 * channels)], Activation::None, None)?;
                b.attention_pool(kv, "query", 1)
            }), pooled, NEAR),
        ];
        if window.kernel == window.kernel_width {
            let want = loops::depthwise(&x, &window, &taps, &bias, Activation::Relu6);
            ops.push(("depthwise", Box::new(move |b, x| b.depthwise(x, window, "d", Activation::Relu6)), want, NEAR));
        }
        for (name, op, want, near) in ops {
            let graph = |b: &mut Builder<'_>| {
                let x = b.float_input(inputs, channels);
                op(b, x).map(|_| ())
            };
            let batch = Batch { items, floats: vec![x.clone()], ..Default::default() };
            stand.usual(&format!("{name} {window:?} of {items} x {channels}"), &parts, graph, &batch, &want, near).await?;
        }
    }
    Ok(())
}

async fn webgpu_scan_gives_the_processors_scores_to_the_bit(stand: &Stand) -> Outcome {
    let mut rng = Rng::new(7);
    for (dim, blocks, most) in [(1, vec![1], 9), (3, vec![7, 0, 2], 100), (16, vec![8], 8), (17, vec![5, 13, 30], 13), (100, vec![257], 64), (384, vec![1000, 23], 1 << 20), (1023, vec![9, 8], 9)] {
        let blocks: Vec<Vec<u8>> = blocks.iter().map(|&rows: &usize| (0..rows * dim).map(|_| rng.below(256) as u8).collect()).collect();
        let slices: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
        let on_gpu = GpuScan::in_parts(Rc::clone(&stand.gpu), dim, &slices, most).await?;
        let rows = slices.concat();
        let n = rows.len() / dim;
        let scales: Vec<f32> = (0..n).map(|_| rng.unit() as f32 + 0.01).collect();
        let queries = [1, 2].map(|seed| Query::new(&Numbers(seed).take(dim)));
        for (query, sums) in queries.iter().zip(on_gpu.sums(&queries).await?) {
            let exact = |row: &[u8]| row.iter().zip(query.values()).map(|(&r, &q)| i64::from(r as i8) * i64::from(q)).sum::<i64>();
            if sums.iter().map(|&sum| i64::from(sum)).ne(rows.chunks_exact(dim).map(exact)) {
                return Err(Wrong(format!("scan of {n} rows of {dim}: the sums are others")));
            }
            let mut scores = vec![0f32; n];
            scan(&rows, &scales, query, &mut scores);
            if sums.iter().zip(&scales).map(|(&sum, &scale)| query.score(sum, scale)).ne(scores) {
                return Err(Wrong(format!("scan of {n} rows of {dim}: the scores are others")));
            }
        }
    }
    Ok(())
}

async fn webgpu_scan_does_not_overflow_at_the_extremes(stand: &Stand) -> Outcome {
    for dim in [384, 4096] {
        let rows: Vec<u8> = (0..4 * dim).map(|at| if at / dim % 2 == 0 { 127 } else { 129 }).collect();
        let on_gpu = GpuScan::new(Rc::clone(&stand.gpu), dim, &[&rows]).await?;
        for sign in [1.0, -1.0] {
            let query = Query::new(&vec![sign; dim]);
            let one = i64::from(query.values()[0]) * dim as i64;
            if on_gpu.sums(&[query]).await?.concat().into_iter().map(i64::from).ne([127 * one, -127 * one, 127 * one, -127 * one]) {
                return Err(Wrong(format!("scan of {dim} numbers at their largest")));
            }
        }
    }
    Ok(())
}
