//! Ops on a GPU (or a processor that plays one) against plain loops in f64 and against the CPU executor.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Numbers, linear::activate, tolerance};
use palate::platform::native::wait as block_on;
use palate::compute::cpu::isa::Isa;
use palate::compute::cpu::{CpuModel, Workspace};
use palate::compute::builder::Builder;
use palate::compute::graph::{Activation, Batch, Graph, Mask, PoolKind, Value};
use palate::compute::probe::{self, Variants, compare};
use palate::compute::webgpu::{Gpu, GpuModel, Tiling, Tilings};
use palate::format::tensors::{DType, Part, TensorFile, write};
use palate::publish::quantize::{Calibration, Quantized};

/// A device, or `None` with a sentence where there is none. `REQUIRE_GPU=1` makes that a failure.
pub fn gpu() -> Option<Rc<Gpu>> {
    match block_on(Gpu::open()) {
        Ok(gpu) => Some(Rc::new(gpu)),
        Err(error) => {
            assert!(std::env::var("REQUIRE_GPU").is_err(), "REQUIRE_GPU is set, and there is no GPU: {error}");
            println!("skipped: no GPU for wgpu here ({error}); on Debian `mesa-vulkan-drivers` plays one");
            None
        }
    }
}

/// A graph whose first value is a matrix of numbers (rows of a table, gathered in order), over items of these lengths.
struct Case {
    lens: Vec<usize>,
    cols: usize,
    numbers: Vec<f32>,
    parts: Vec<Part<'static>>,
}

impl Case {
    fn new(seed: u64, lens: &[usize], cols: usize) -> Self {
        let rows: usize = lens.iter().sum();
        let numbers: Vec<f32> = Numbers(seed).take(rows * cols).iter().map(|v| v * 2.0 + 0.25).collect();
        let parts = vec![Part::f32("x", &[rows, cols], &numbers)];
        Self { lens: lens.to_vec(), cols, numbers, parts }
    }

    fn rows(&self) -> usize {
        self.lens.iter().sum()
    }

    fn batch(&self) -> Batch {
        let mut offsets = vec![0];
        self.lens.iter().for_each(|len| offsets.push(offsets[offsets.len() - 1] + *len as u32));
        Batch { items: self.lens.len(), offsets: vec![offsets], ids: vec![(0..self.rows() as u32).collect()], ..Default::default() }
    }

    /// The op's output on the GPU (twice, the second run over what the first left) and on the CPU.
    fn run(&self, gpu: &Rc<Gpu>, tilings: Tilings, op: impl Fn(&mut Builder<'_>, Value)) -> (Vec<f32>, Vec<f32>) {
        let file = TensorFile::parse(write(&self.parts, &BTreeMap::new()).unwrap(), "a test").unwrap();
        let mut builder = Builder::new(&file);
        let ids = builder.id_input(0, self.rows());
        let x = builder.embed(self.cols, &[("x", self.rows(), ids)]).unwrap();
        op(&mut builder, x);
        let graph: Graph = builder.finish();
        let batch = self.batch();
        let cpu = CpuModel::new(graph.clone(), &file, Isa::best()).unwrap().run(&batch, &mut Workspace::default()).unwrap();
        let model = block_on(GpuModel::new(Rc::clone(gpu), graph, &file, tilings)).unwrap();
        let first = block_on(model.run(&batch)).unwrap();
        let again = block_on(model.run(&batch)).unwrap();
        assert_eq!(first, again, "a second run gives the same");
        (first, cpu)
    }
}

#[track_caller]
fn close(what: &str, found: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(1e-3f64, |m, v| m.max(v.abs()));
    let worst = found.iter().zip(expected).map(|(f, e)| (f64::from(*f) - e).abs() / scale).fold(0.0, |m: f64, e| if e.is_nan() { f64::INFINITY } else { m.max(e) });
    assert!(worst <= tolerance, "{what}: error {worst:.2e} of {scale}");
}

fn f64s(numbers: &[f32]) -> Vec<f64> {
    numbers.iter().map(|&v| f64::from(v)).collect()
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

/// Every tiling, as the only one.
fn all_tilings() -> Vec<Tilings> {
    Tilings::LONG.iter().map(|&tiling| Tilings { short: tiling, long: tiling }).collect()
}

const SHAPES: [(usize, usize, usize); 8] = [(1, 1, 1), (1, 384, 384), (3, 5, 7), (2, 70, 33), (67, 24, 130), (65, 17, 384), (131, 300, 61), (40, 1536, 97)];

#[test]
fn webgpu_linear_f32_is_right() {
    let Some(gpu) = gpu() else { return };
    for (seed, (m, n, k)) in SHAPES.into_iter().enumerate() {
        let mut case = Case::new(seed as u64 + 1, &[m], k);
        let mut numbers = Numbers(seed as u64 + 77);
        // Sums of size one: a tanh hides larger ones, and their error with them.
        let weights: Vec<f32> = numbers.take(n * k).iter().map(|w| w / (k as f32).sqrt()).collect();
        let bias = numbers.take(n);
        case.parts.extend([Part::f32("w.weight", &[n, k], &weights), Part::f32("w.bias", &[n], &bias)]);
        for tilings in all_tilings() {
            for activation in ACTIVATIONS {
                let (found, cpu) = case.run(&gpu, tilings, |b, x| { b.linear(x, &[("w", n)], activation, None).unwrap(); });
                let want: Vec<f64> = (0..m * n)
                    .map(|at| {
                        let (row, o) = (at / n, at % n);
                        let sum: f64 = (0..k).map(|i| f64::from(case.numbers[row * k + i]) * f64::from(weights[o * k + i])).sum();
                        activate(activation, sum + f64::from(bias[o]))
                    })
                    .collect();
                let what = format!("linear {m}x{n}x{k} {activation:?} {tilings:?}");
                close(&what, &found, &want, tolerance::WEBGPU);
                close(&what, &found, &f64s(&cpu), tolerance::WEBGPU);
            }
        }
    }
}

#[test]
fn webgpu_linear_i8_multiplies_the_packs_own_weights() {
    let Some(gpu) = gpu() else { return };
    for (seed, (m, n, k)) in SHAPES.into_iter().enumerate() {
        let mut case = Case::new(seed as u64 + 21, &[m], k);
        if k >= 64 {
            case.numbers.chunks_exact_mut(k).for_each(|row| row.iter_mut().step_by(29).for_each(|v| *v *= 10.0));
            case.parts[0] = Part::f32("x", &[m, k], &case.numbers);
        }
        let mut numbers = Numbers(seed as u64 + 99);
        let (weights, bias) = (numbers.take(n * k), numbers.take(n));
        let Quantized { q, scales, outliers, outlier_scales } = Calibration::new(&case.numbers, k).quantize(&weights);
        assert_eq!(outliers.is_empty(), k < 64);
        case.parts.extend([Part::i8("w.weight", &[n, k], &q), Part::f32("w.weight.scale", &[n], &scales), Part::f32("w.bias", &[n], &bias)]);
        if !outliers.is_empty() {
            case.parts.extend([
                Part::u32("w.weight.outliers", &[outliers.len()], &outliers),
                Part::f32("w.weight.outliers.scale", &[n], &outlier_scales),
            ]);
        }
        let scale = |o: usize, i: usize| f64::from(if outliers.contains(&(i as u32)) { outlier_scales[o] } else { scales[o] });
        for tilings in all_tilings() {
            let op = |b: &mut Builder<'_>, x: Value| {
                let first = b.linear(x, &[("w", n)], Activation::None, None).unwrap();
                b.linear(x, &[("w", n)], Activation::Gelu, Some(first)).unwrap();
            };
            let (found, cpu) = case.run(&gpu, tilings, op);
            let want: Vec<f64> = (0..m * n)
                .map(|at| {
                    let (row, o) = (at / n, at % n);
                    let product = |i: usize| f64::from(case.numbers[row * k + i]) * f64::from(q[o * k + i]) * scale(o, i);
                    let sum = (0..k).map(product).sum::<f64>() + f64::from(bias[o]);
                    sum + activate(Activation::Gelu, sum)
                })
                .collect();
            let what = format!("linear int8 {m}x{n}x{k} {tilings:?}");
            close(&what, &found, &want, tolerance::WEBGPU);
            close(&format!("{what} against the CPU"), &cpu, &f64s(&found), tolerance::WEBGPU_CPU_I8);
        }
    }
}

#[test]
fn webgpu_embed_sums_int8_rows() {
    let Some(gpu) = gpu() else { return };
    for (seed, (rows, cols, entries)) in [(1, 1, 1), (5, 7, 3), (33, 384, 11), (70, 65, 200)].into_iter().enumerate() {
        let mut case = Case::new(seed as u64, &[rows], cols);
        let q: Vec<i8> = Numbers(seed as u64 + 5).take(entries * cols).iter().map(|v| (v * 127.0) as i8).collect();
        let scales = Numbers(seed as u64 + 6).take(entries);
        let other = Numbers(seed as u64 + 8).take(rows * cols).iter().map(|v| (v * 127.0) as i8).collect::<Vec<_>>();
        let other_scales = Numbers(seed as u64 + 9).take(rows);
        case.parts = vec![
            Part::i8("x", &[rows, cols], &other),
            Part::f32("x.scale", &[rows], &other_scales),
            Part::i8("t", &[entries, cols], &q),
            Part::f32("t.scale", &[entries], &scales),
        ];
        let file = TensorFile::parse(write(&case.parts, &BTreeMap::new()).unwrap(), "a test").unwrap();
        let mut builder = Builder::new(&file);
        let (a, b) = (builder.id_input(0, rows), builder.id_input(0, entries));
        builder.embed(cols, &[("x", rows, a), ("t", entries, b)]).unwrap();
        let graph = builder.finish();
        let mut batch = case.batch();
        let chosen: Vec<u32> = (0..rows as u32).map(|r| r * 7 % entries as u32).collect();
        batch.ids.push(chosen.clone());
        let model = block_on(GpuModel::new(Rc::clone(&gpu), graph, &file, Tilings::of(&gpu))).unwrap();
        let found = block_on(model.run(&batch)).unwrap();
        let want: Vec<f64> = (0..rows * cols)
            .map(|at| {
                let (row, col) = (at / cols, at % cols);
                let id = chosen[row] as usize;
                f64::from(other[at]) * f64::from(other_scales[row]) + f64::from(q[id * cols + col]) * f64::from(scales[id])
            })
            .collect();
        close(&format!("embed {rows}x{cols} of {entries}"), &found, &want, tolerance::WEBGPU);
    }
}

#[test]
fn webgpu_layer_norm_and_normalize_are_right() {
    let Some(gpu) = gpu() else { return };
    for (seed, (rows, cols)) in [(1, 1), (3, 5), (9, 384), (65, 131), (17, 1030)].into_iter().enumerate() {
        let mut case = Case::new(seed as u64 + 3, &[rows], cols);
        let mut numbers = Numbers(seed as u64 + 31);
        let (weights, bias) = (numbers.take(cols), numbers.take(cols));
        case.parts.extend([Part::f32("n.weight", &[cols], &weights), Part::f32("n.bias", &[cols], &bias)]);
        let by_row = |of: &dyn Fn(&[f64]) -> Vec<f64>| f64s(&case.numbers).chunks_exact(cols).flat_map(of).collect::<Vec<f64>>();
        let (found, cpu) = case.run(&gpu, Tilings::of(&gpu), |b, x| { b.layer_norm(x, "n", 1e-5).unwrap(); });
        let want = by_row(&|row| {
            let mean = row.iter().sum::<f64>() / cols as f64;
            let variance = row.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / cols as f64;
            row.iter().zip(weights.iter().zip(&bias)).map(|(v, (w, b))| (v - mean) / (variance + 1e-5).sqrt() * f64::from(*w) + f64::from(*b)).collect()
        });
        close(&format!("layer_norm {rows}x{cols}"), &found, &want, tolerance::WEBGPU);
        close(&format!("layer_norm {rows}x{cols} against the CPU"), &found, &f64s(&cpu), tolerance::WEBGPU);
        let (found, cpu) = case.run(&gpu, Tilings::of(&gpu), |b, x| { b.normalize(x); });
        let want = by_row(&|row| {
            let length = row.iter().map(|v| v * v).sum::<f64>().sqrt();
            row.iter().map(|v| v / length).collect()
        });
        close(&format!("normalize {rows}x{cols}"), &found, &want, tolerance::WEBGPU);
        close(&format!("normalize {rows}x{cols} against the CPU"), &found, &f64s(&cpu), tolerance::WEBGPU);
    }
}

#[test]
fn webgpu_attention_and_pool_keep_items_apart() {
    let Some(gpu) = gpu() else { return };
    for (seed, (lens, heads, width)) in
        [(vec![1], 1, 1), (vec![3, 0, 5], 2, 7), (vec![17, 1, 64, 9], 12, 32), (vec![131], 3, 64), (vec![70, 71], 2, 10)].into_iter().enumerate()
    {
        let dim = heads * width;
        let case = Case::new(seed as u64 + 40, &lens, 3 * dim);
        let what = format!("{lens:?}x{heads}x{width}");
        for mask in [Mask::None, Mask::Causal] {
            let (found, cpu) = case.run(&gpu, Tilings::of(&gpu), |b, x| { b.attention(x, heads, mask, None).unwrap(); });
            let want = super::attention::expected(&case.numbers, &case.batch().offsets[0], heads, width, mask, &[]);
            close(&format!("attention {mask:?} {what}"), &found, &want, tolerance::WEBGPU);
            close(&format!("attention {mask:?} {what} against the CPU"), &found, &f64s(&cpu), tolerance::WEBGPU);
        }
        for kind in [PoolKind::Mean, PoolKind::First, PoolKind::FirstTwo, PoolKind::Last] {
            let (found, cpu) = case.run(&gpu, Tilings::of(&gpu), |b, x| { b.pool(x, kind); });
            let mut want = Vec::new();
            for bounds in case.batch().offsets[0].windows(2) {
                let rows: Vec<&[f32]> = case.numbers.chunks_exact(3 * dim).skip(bounds[0] as usize).take((bounds[1] - bounds[0]) as usize).collect();
                let rows = match kind {
                    PoolKind::Mean => &rows[..],
                    PoolKind::First => &rows[..rows.len().min(1)],
                    PoolKind::Last => &rows[rows.len().saturating_sub(1)..],
                    PoolKind::FirstTwo => &rows[..rows.len().min(2)],
                };
                let used = rows.len();
                want.extend((0..3 * dim).map(|c| rows.iter().map(|row| f64::from(row[c])).sum::<f64>() / used.max(1) as f64));
            }
            close(&format!("pool {kind:?} {what}"), &found, &want, tolerance::WEBGPU);
            close(&format!("pool {kind:?} {what} against the CPU"), &found, &f64s(&cpu), tolerance::WEBGPU);
        }
    }
}

#[test]
fn webgpu_lstm_runs_along_each_item() {
    let Some(gpu) = gpu() else { return };
    for (seed, (lens, hidden)) in [(vec![1], 1), (vec![3, 0, 5], 7), (vec![17, 1, 30], 64), (vec![13], 131)].into_iter().enumerate() {
        let mut case = Case::new(seed as u64 + 60, &lens, 4 * hidden);
        let weights: Vec<f32> = Numbers(seed as u64 + 61).take(4 * hidden * hidden).iter().map(|w| w / (hidden as f32).sqrt()).collect();
        case.parts.push(Part::f32("w.weight", &[4 * hidden, hidden], &weights));
        let (found, cpu) = case.run(&gpu, Tilings::of(&gpu), |b, x| { b.lstm(x, "w").unwrap(); });
        let want = super::lstm::expected(&case.numbers, &case.batch().offsets[0], &weights, hidden);
        let what = format!("lstm {lens:?}x{hidden}");
        close(&what, &found, &want, tolerance::WEBGPU);
        close(&format!("{what} against the CPU"), &found, &f64s(&cpu), tolerance::WEBGPU);
    }
}

/// The probe of a model that has an LSTM runs one, and finds the device right.
#[test]
fn webgpu_probe_asks_after_an_lstm() {
    let Some(gpu) = gpu() else { return };
    let parts = [Part::f32("g.weight", &[8, 3], &[0.1; 24]), Part::f32("s.weight", &[8, 2], &[0.1; 16])];
    let file = TensorFile::parse(write(&parts, &BTreeMap::new()).unwrap(), "a test").unwrap();
    let mut builder = Builder::new(&file);
    let x = builder.float_input(4, 3);
    let gates = builder.linear(x, &[("g", 8)], Activation::None, None).unwrap();
    let states = builder.lstm(gates, "s").unwrap();
    builder.pool(states, PoolKind::Mean);
    let variants = Variants::of(&builder.finish(), &file);
    for shape in probe::SHAPES.iter().flatten() {
        let (packed, plain) = variants.weights(shape.side, DType::I8).unwrap();
        let graph = variants.graph(&plain, true, shape.side).unwrap();
        assert!(graph.nodes.iter().any(|node| node.op.stem() == "lstm"));
        let model = block_on(GpuModel::new(Rc::clone(&gpu), variants.graph(&packed, true, shape.side).unwrap(), &packed, Tilings::of(&gpu))).unwrap();
        let wrong = block_on(compare(&graph, &plain, &variants.batch(*shape), |batch| { let model = &model; async move { model.run(&batch).await } })).unwrap();
        assert_eq!(wrong, None);
    }
}

#[test]
fn webgpu_unfold_of_oblong_windows_agrees_with_the_cpu() {
    let Some(gpu) = gpu() else { return };
    for (seed, (window, items, channels)) in super::oblong_windows().into_iter().enumerate() {
        let x = Numbers(seed as u64 + 17).take(items * window.inputs() * channels);
        let file = TensorFile::parse(write(&[Part::f32("none", &[1], &[0.0])], &BTreeMap::new()).unwrap(), "a test").unwrap();
        let mut builder = Builder::new(&file);
        let value = builder.float_input(window.inputs(), channels);
        builder.unfold(value, window).unwrap();
        let graph = builder.finish();
        let batch = Batch { items, floats: vec![x], ..Default::default() };
        let want = CpuModel::new(graph.clone(), &file, Isa::best()).unwrap().run(&batch, &mut Workspace::default()).unwrap();
        let model = block_on(GpuModel::new(Rc::clone(&gpu), graph, &file, Tilings::of(&gpu))).unwrap();
        close(&format!("unfold {window:?}"), &block_on(model.run(&batch)).unwrap(), &f64s(&want), 0.0);
    }
}

#[test]
fn webgpu_attention_of_tiles_and_with_a_bias_is_right() {
    let Some(gpu) = gpu() else { return };
    let ragged = [(vec![3, 0, 5], Mask::None, 7), (vec![17, 1, 40], Mask::Causal, 9), (vec![20], Mask::None, 257)];
    let tiled = super::attention::TILED.map(|(items, rows, mask)| {
        let Mask::Tiles { side, .. } = mask else { unreachable!() };
        (vec![rows; items], mask, (2 * side - 1).pow(2))
    });
    for (seed, (lens, mask, entries)) in ragged.into_iter().chain(tiled).enumerate() {
        for (heads, width) in [(3, 8), (2, 7)] {
            let (dim, items) = (heads * width, lens.len());
            let x = Numbers(seed as u64 + 50).take(lens.iter().sum::<usize>() * 3 * dim);
            let bias = Numbers(seed as u64 + 60).take(entries * heads);
            let file = TensorFile::parse(write(&[Part::f32("bias", &[entries, heads], &bias)], &BTreeMap::new()).unwrap(), "a test").unwrap();
            let mut offsets = vec![0u32];
            lens.iter().for_each(|len| offsets.push(offsets[offsets.len() - 1] + *len as u32));
            for name in [None, Some("bias")] {
                let mut builder = Builder::new(&file);
                let value = if matches!(mask, Mask::Tiles { .. }) { builder.float_input(lens[0], 3 * dim) } else { builder.float_rows(0, 3 * dim) };
                builder.attention(value, heads, mask, name).unwrap();
                let graph = builder.finish();
                let batch = Batch { items, offsets: vec![offsets.clone()], floats: vec![x.clone()], ..Default::default() };
                let want = super::attention::expected(&x, &offsets, heads, width, mask, if name.is_some() { &bias } else { &[] });
                let cpu = CpuModel::new(graph.clone(), &file, Isa::best()).unwrap().run(&batch, &mut Workspace::default()).unwrap();
                let model = block_on(GpuModel::new(Rc::clone(&gpu), graph, &file, Tilings::of(&gpu))).unwrap();
                let found = block_on(model.run(&batch)).unwrap();
                let what = format!("attention {mask:?} {lens:?} {heads}x{width} {name:?}");
                close(&what, &found, &want, tolerance::WEBGPU);
                close(&format!("{what} on the CPU"), &cpu, &want, tolerance::ATTENTION);
            }
        }
    }
}

/// Tiles and tables that do not fit are an error when the graph is built, not a panic when it runs.
#[test]
fn attention_refuses_tiles_and_tables_that_do_not_fit() {
    let file = |entries: usize| TensorFile::parse(write(&[Part::f32("bias", &[entries, 2], &vec![0.0; entries * 2])], &BTreeMap::new()).unwrap(), "a test").unwrap();
    let code = |entries: usize, rows: Option<usize>, heads: usize, mask: Mask, bias: Option<&str>| {
        let file = file(entries);
        let mut builder = Builder::new(&file);
        let x = match rows {
            Some(rows) => builder.float_input(rows, 12),
            None => builder.float_rows(0, 12),
        };
        builder.attention(x, heads, mask, bias).map(|_| ()).map_err(|e| e.code())
    };
    let tiles = |width: usize, side: usize, cut: usize| Mask::Tiles { width, side, cut };
    assert_eq!(code(9, Some(6), 2, tiles(3, 2, 1), Some("bias")), Ok(()));
    assert_eq!(code(9, None, 2, Mask::None, Some("bias")), Ok(()));
    for (entries, rows, heads, mask, bias) in [
        (9, None, 2, tiles(3, 2, 1), None),
        (9, Some(7), 2, tiles(3, 2, 1), None),
        (9, Some(6), 2, tiles(0, 2, 1), None),
        (9, Some(6), 2, tiles(3, 0, 0), Some("bias")),
        (9, Some(6), 2, tiles(3, 2, 2), None),
        (9, Some(6), 2, tiles(3, usize::MAX, 0), Some("bias")),
        (25, Some(6), 2, tiles(3, 2, 1), Some("bias")),
        (8, None, 2, Mask::None, Some("bias")),
        (9, None, 1, Mask::None, Some("bias")),
        (9, None, 2, Mask::None, Some("other")),
        (9, None, 0, Mask::None, None),
    ] {
        assert_eq!(code(entries, rows, heads, mask, bias), Err("corrupt"), "{entries} {rows:?} {heads} {mask:?} {bias:?}");
    }
}

/// The ops of pictures, against the CPU executor, whose own tests hold it to f64 loops.
#[test]
fn webgpu_windows_and_learned_rows_agree_with_the_cpu() {
    let Some(gpu) = gpu() else { return };
    for (seed, (window, items, channels)) in super::windows().into_iter().enumerate() {
        let mut numbers = Numbers(seed as u64 + 11);
        let (inputs, taps) = (window.inputs(), window.kernel * window.kernel);
        let x = numbers.take(items * inputs * channels);
        let parts = [
            Part::f32("d.weight", &[taps, channels], &numbers.take(taps * channels)),
            Part::f32("d.bias", &[channels], &numbers.take(channels)),
            Part::f32("first", &[2, channels], &numbers.take(2 * channels)),
            Part::f32("table", &[2 + inputs, channels], &numbers.take((2 + inputs) * channels)),
            Part::f32("query", &[1, channels], &numbers.take(channels)),
            Part::f32("kv.weight", &[2 * channels, channels], &numbers.take(2 * channels * channels)),
        ];
        let file = TensorFile::parse(write(&parts, &BTreeMap::new()).unwrap(), "a test").unwrap();
        let ops: [(&str, &dyn Fn(&mut Builder<'_>, Value)); 5] = [
            ("input", &|_, _| ()),
            ("unfold", &|b, x| { b.unfold(x, window).unwrap(); }),
            ("depthwise", &|b, x| { b.depthwise(x, window, "d", Activation::Relu6).unwrap(); }),
            ("positions", &|b, x| { b.positions(x, Some(("first", 2)), "table").unwrap(); }),
            ("attention_pool", &|b, x| {
                let kv = b.linear(x, &[("kv", 2 * channels)], Activation::None, None).unwrap();
                b.attention_pool(kv, "query", 1).unwrap();
            }),
        ];
        for (name, op) in ops {
            let mut builder = Builder::new(&file);
            let value = builder.float_input(inputs, channels);
            op(&mut builder, value);
            let graph = builder.finish();
            let batch = Batch { items, floats: vec![x.clone()], ..Default::default() };
            let want = CpuModel::new(graph.clone(), &file, Isa::best()).unwrap().run(&batch, &mut Workspace::default()).unwrap();
            let model = block_on(GpuModel::new(Rc::clone(&gpu), graph, &file, Tilings::of(&gpu))).unwrap();
            let found = block_on(model.run(&batch)).unwrap();
            close(&format!("{name} {window:?} of {items} x {channels}"), &found, &f64s(&want), tolerance::WEBGPU);
        }
    }
}

/// Runs of one model in any order of sizes: buffers grow and are used again.
#[test]
fn webgpu_runs_of_all_sizes_share_their_buffers() {
    let Some(gpu) = gpu() else { return };
    let case = Case::new(5, &[40], 12);
    let mut parts = vec![Part::f32("x", &[40, 12], &case.numbers)];
    parts.push(Part::f32("w.weight", &[12, 12], &Numbers(2).take(144)));
    let file = TensorFile::parse(write(&parts, &BTreeMap::new()).unwrap(), "a test").unwrap();
    let mut builder = Builder::new(&file);
    let ids = builder.id_input(0, 40);
    let x = builder.embed(12, &[("x", 40, ids)]).unwrap();
    builder.linear(x, &[("w", 12)], Activation::Tanh, Some(x)).unwrap();
    let graph = builder.finish();
    let cpu = CpuModel::new(graph.clone(), &file, Isa::best()).unwrap();
    let model = block_on(GpuModel::new(Rc::clone(&gpu), graph, &file, Tilings { short: Tiling::Tiled { rows: 4, cols4: 1 }, ..Tilings::of(&gpu) })).unwrap();
    for rows in [3, 900, 1, 0, 900, 64, 65] {
        let ids = (0..rows).map(|r| r * 13 % 40).collect();
        let batch = Batch { items: 1, offsets: vec![vec![0, rows]], ids: vec![ids], ..Default::default() };
        let want = cpu.run(&batch, &mut Workspace::default()).unwrap();
        close(&format!("{rows} rows"), &block_on(model.run(&batch)).unwrap(), &f64s(&want), tolerance::WEBGPU);
    }
}

/// A device that is gone is an error with a code of its own, not a panic and not an answer.
#[test]
fn webgpu_lost_device_is_an_error() {
    let Some(gpu) = gpu() else { return };
    let case = Case::new(6, &[9], 8);
    let file = TensorFile::parse(write(&case.parts, &BTreeMap::new()).unwrap(), "a test").unwrap();
    let mut builder = Builder::new(&file);
    let ids = builder.id_input(0, 9);
    let x = builder.embed(8, &[("x", 9, ids)]).unwrap();
    builder.normalize(x);
    let model = block_on(GpuModel::new(Rc::clone(&gpu), builder.finish(), &file, Tilings::of(&gpu))).unwrap();
    block_on(model.run(&case.batch())).unwrap();
    gpu.destroy();
    let error = block_on(model.run(&case.batch())).unwrap_err();
    assert_eq!(error.code(), "device", "{error}");
}
