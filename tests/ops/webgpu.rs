//! Ops on a GPU (or a processor that plays one): the cases that run everywhere ([`super::everywhere::gpu`]), and what is native alone.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::everywhere::gpu::{CASES, Stand, Wrong, cases, close, ops};
use super::loops::f64s;
use super::{Numbers, tolerance};
use palate::compute::builder::Builder;
use palate::compute::cpu::isa::Isa;
use palate::compute::cpu::{CpuModel, Workspace};
use palate::compute::graph::{Activation, Batch, Mask, PoolKind};
use palate::compute::probe::{self, Variants, compare};
use palate::compute::probe_product::product;
use palate::compute::webgpu::{Gpu, GpuModel, Length, Seen, Tiling, Tilings};
use palate::format::tensors::{DType, Part, TensorFile, write};
use palate::platform::native::wait as block_on;

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

macro_rules! tests {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            run(stringify!($name));
        })*
    };
}
cases!(tests);

fn run(name: &str) {
    let Some(gpu) = gpu() else { return };
    let (_, case) = CASES.iter().find(|(known, _)| *known == name).unwrap();
    sound(block_on(case(&Stand::new(gpu))));
}

fn sound(outcome: Result<(), Wrong>) {
    if let Err(Wrong(what)) = outcome {
        panic!("{what}");
    }
}

/// By these names the browser's test counts whether a case of every op was run (`tests/browser/ops.test.mjs`).
#[test]
fn webgpu_ops_are_read_from_the_graph() {
    let known = ["attention", "attention_pool", "depthwise", "embed", "input", "layer_norm", "linear", "lstm", "normalize", "pool", "positions", "unfold"];
    assert!(ops().is_superset(&BTreeSet::from(known)), "{:?}", ops());
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
        let model = block_on(GpuModel::new(Rc::clone(&gpu), variants.graph(&packed, true, shape.side).unwrap(), &packed, Tilings::of(&gpu), &[])).unwrap();
        let wrong = block_on(compare(&graph, &plain, &variants.batch(*shape), probe::TOLERANCE, |batch| { let model = &model; async move { model.run(&batch).await } })).unwrap();
        assert_eq!(wrong, None);
    }
}

/// Products of bytes and of halves have a question of their own, whose answer they keep to the usual tolerance; one number that is off
/// is told.
#[test]
fn webgpu_probe_asks_after_products_of_bytes_and_halves() {
    let Some(gpu) = gpu() else { return };
    for (tiling, seen, most) in [(Tiling::Dot { rows: 8, cols4: 1 }, Seen::Bytes, 127.0), (Tiling::Half { rows: 8, cols4: 1 }, Seen::Halves, 1.0)] {
        if !tiling.fits(gpu.extras()) {
            assert!(seen == Seen::Halves, "naga writes sums of bytes for every device");
            println!("skipped: {} has no half precision", gpu.adapter().name);
            continue;
        }
        let tilings = Tilings { short: tiling, long: tiling };
        assert_eq!([Length::Row, Length::Short, Length::Long].map(|length| tilings.seen(length)), [Seen::Floats, seen, seen]);
        for rows in [7, 130] {
            let (graph, packed, plain, batch) = product(rows, most).unwrap();
            let model = &block_on(GpuModel::new(Rc::clone(&gpu), graph.clone(), &packed, tilings, &[])).unwrap();
            let asked = |off: f32| block_on(compare(&graph, &plain, &batch, probe::TOLERANCE, |mut batch| async move {
                batch.floats[0][3] += off;
                model.run(&batch).await
            })).unwrap();
            assert_eq!(asked(0.0), None, "{tiling}");
            assert!(asked(0.25).is_some_and(|wrong| wrong.starts_with("off by")), "{tiling}");
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

/// Runs of one model in any order of sizes: buffers grow and are used again.
#[test]
fn webgpu_runs_of_all_sizes_share_their_buffers() {
    let Some(gpu) = gpu() else { return };
    let parts = [Part::f32("x", &[40, 12], &Numbers(5).take(480)), Part::f32("w.weight", &[12, 12], &Numbers(2).take(144))];
    let file = TensorFile::parse(write(&parts, &BTreeMap::new()).unwrap(), "a test").unwrap();
    let mut builder = Builder::new(&file);
    let ids = builder.id_input(0, 40);
    let x = builder.embed(12, &[("x", 40, ids)]).unwrap();
    builder.linear(x, &[("w", 12)], Activation::Tanh, Some(x)).unwrap();
    let graph = builder.finish();
    let cpu = CpuModel::new(graph.clone(), &file, Isa::best()).unwrap();
    let model = block_on(GpuModel::new(Rc::clone(&gpu), graph, &file, Tilings { short: Tiling::Tiled { rows: 4, cols4: 1 }, ..Tilings::of(&gpu) }, &[])).unwrap();
    for rows in [3, 900, 1, 0, 900, 64, 65] {
        let ids = (0..rows).map(|r| r * 13 % 40).collect();
        let batch = Batch { items: 1, offsets: vec![vec![0, rows]], ids: vec![ids], ..Default::default() };
        let want = cpu.run(&batch, &mut Workspace::default()).unwrap();
        sound(close(&format!("{rows} rows"), &block_on(model.run(&batch)).unwrap(), &f64s(&want), tolerance::WEBGPU));
    }
}

/// A device that is gone is an error with a code of its own, not a panic and not an answer.
#[test]
fn webgpu_lost_device_is_an_error() {
    let Some(gpu) = gpu() else { return };
    let parts = [Part::f32("nothing", &[1], &[0.0])];
    let file = TensorFile::parse(write(&parts, &BTreeMap::new()).unwrap(), "a test").unwrap();
    let mut builder = Builder::new(&file);
    let x = builder.float_input(9, 8);
    builder.normalize(x);
    let batch = Batch { items: 1, floats: vec![Numbers(6).take(72)], ..Default::default() };
    let model = block_on(GpuModel::new(Rc::clone(&gpu), builder.finish(), &file, Tilings::of(&gpu), &[])).unwrap();
    block_on(model.run(&batch)).unwrap();
    gpu.destroy();
    let error = block_on(model.run(&batch)).unwrap_err();
    assert_eq!(error.code(), "device", "{error}");
}
