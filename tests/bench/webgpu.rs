//! How much of a GPU the kernels use: `cargo bench --features publisher --bench webgpu`.
//!
//! Prints one JSON object a line: the adapter; the ceilings of copying and of f32 products, measured in the same run; products of an
//! encoder's shapes, a matrix by a vector and the index scan against them; tilings against each other, by turns; MiniLM against what
//! its own products alone take. The bars on a GPU: products 0.35 of the f32 peak, vectors and scans 0.8 of the copies' bandwidth, the encoder 0.5 of its products.
//! Where a processor plays the GPU everything is smaller, and no bar holds. `-- tilings` compares the tilings alone.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use palate::compute::builder::Builder;
use palate::compute::graph::{Activation, Batch, PoolKind};
use palate::compute::webgpu::{Gpu, GpuModel, GpuScan, Length, Tilings};
use palate::encode::inputs::Inputs;
use palate::encode::text::TextInputs;
use palate::format::pack::Pack;
use palate::format::tensors::{Part, TensorFile, write};
use palate::math::scan::Query;
use palate::platform::native::wait;
use palate::publish::model::{Checkpoint, Choice, PackDType};
use palate::publish::quantize::quantize_rows;
use serde_json::json;

const ROUNDS: usize = 7;
/// Products that one run has more than the other: their difference has none of a run's fixed costs.
const MORE: usize = 16;
const CHECKPOINT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.cache/models/all-MiniLM-L6-v2");

fn main() {
    let gpu = match wait(Gpu::open()) {
        Ok(gpu) => Rc::new(gpu),
        Err(error) => {
            println!("{}", json!({"adapter": null, "note": format!("No GPU is at hand, and nothing plays one: {error}")}));
            return;
        }
    };
    let software = gpu.adapter().software;
    let note = if software { "No GPU is at hand: a processor plays one. These figures say nothing about a GPU, and its bars stay open." } else { "a GPU" };
    println!("{}", json!({"adapter": gpu.adapter().name, "driver": gpu.adapter().driver, "software": software, "note": note}));
    // Smaller where a processor has to do it.
    let less = if software { 8 } else { 1 };
    let rows = 256 * 32 / less;
    if std::env::args().any(|arg| arg == "tilings") {
        return tilings(&gpu, if software { 130 } else { rows });
    }
    let (copy, peak) = ceilings(less);
    println!("{}", json!({"ceiling": "copy", "gb_s": copy / 1e9}));
    println!("{}", json!({"ceiling": "f32 products", "gflop_s": peak / 1e9}));

    let shapes = [(384, 1152), (384, 384), (384, 1536), (1536, 384)];
    for (k, n) in shapes {
        let seconds = product(&gpu, Tilings::of(&gpu), rows, k, n);
        let rate = 2.0 * (rows * k * n) as f64 / seconds;
        report("product int8", json!({"rows": rows, "in": k, "out": n, "ms": seconds * 1e3, "gflop_s": rate / 1e9}), rate / peak, 0.35, software);
    }
    tilings(&gpu, if software { 130 } else { rows });
    let side = 4096 / less.min(4);
    let seconds = product(&gpu, Tilings::of(&gpu), 1, side, side);
    let rate = (side * side) as f64 / seconds;
    report("matrix by vector int8", json!({"in": side, "out": side, "ms": seconds * 1e3, "gb_s": rate / 1e9}), rate / copy, 0.8, software);
    scan(&gpu, 1_000_000 / less, copy, software);
    encoder(&gpu, 256 / less, software);
}

fn report(what: &str, mut figures: serde_json::Value, ratio: f64, bar: f64, software: bool) {
    figures["what"] = what.into();
    figures["ratio"] = ratio.into();
    if !software {
        figures["bar"] = bar.into();
        figures["reached"] = (ratio >= bar).into();
    }
    println!("{figures}");
}

/// The least time of some rounds, in seconds: what the device can do when nobody else asks for it.
fn least(mut run: impl FnMut()) -> f64 {
    run();
    let once = |run: &mut dyn FnMut()| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    };
    (0..ROUNDS).map(|_| once(&mut run)).fold(f64::INFINITY, f64::min)
}

/// Seconds of one product of `rows` by `[n, k]` int8 weights.
fn product(gpu: &Rc<Gpu>, tilings: Tilings, rows: usize, k: usize, n: usize) -> f64 {
    let wave = |n: usize| -> Vec<f32> { (0..n).map(|at| (at as f32 * 0.7).sin()).collect() };
    let (q, scales) = quantize_rows(&wave(n * k), k);
    let parts = [Part::f32("x", &[1, k], &wave(k)), Part::i8("w.weight", &[n, k], &q), Part::f32("w.weight.scale", &[n], &scales), Part::f32("w.bias", &[n], &wave(n))];
    let file = TensorFile::parse(write(&parts, &BTreeMap::new()).expect("it is written"), "a benchmark").expect("it is read");
    let time = |products: usize| {
        let mut builder = Builder::new(&file);
        let ids = builder.id_input(0, 1);
        let x = builder.embed(k, &[("x", 1, ids)]).expect("a graph");
        let last = (0..products).map(|_| builder.linear(x, &[("w", n)], Activation::None, None).expect("a graph")).last().expect("a product");
        builder.pool(last, PoolKind::Last);
        let batch = Batch { items: 1, offsets: vec![vec![0, rows as u32]], ids: vec![vec![0; rows]], ..Default::default() };
        let model = wait(GpuModel::new(Rc::clone(gpu), builder.finish(), &file, tilings, &[])).expect("the device takes it");
        least(|| drop(wait(model.run(&batch)).expect("an answer")))
    };
    ((time(2 + MORE) - time(2)) / MORE as f64).max(1e-9)
}

/// Every tiling of long runs that the device has what it takes for, by turns, against the one that it begins with.
fn tilings(gpu: &Rc<Gpu>, rows: usize) {
    const TURNS: usize = 3;
    let usual = Tilings::of(gpu);
    let fitting: Vec<_> = Tilings::LONG.into_iter().filter(|tiling| tiling.fits(gpu.extras()) && *tiling != usual.long).collect();
    let mut times = vec![f64::INFINITY; fitting.len() + 1];
    for _ in 0..TURNS {
        for (time, tiling) in times.iter_mut().zip([usual.long].iter().chain(&fitting)) {
            *time = time.min(product(gpu, usual.with(Length::Long, *tiling), rows, 384, 1536));
        }
    }
    for (tiling, time) in fitting.iter().zip(&times[1..]) {
        println!("{}", json!({"what": "tiling", "tiling": tiling.to_string(), "ms": time * 1e3, "usual": usual.long.to_string(), "usual_ms": times[0] * 1e3, "ratio": times[0] / time}));
    }
}

/// Scores of all rows are back on the processor when a scan is done; the time of the device alone is told from it by two sizes.
fn scan(gpu: &Rc<Gpu>, rows: usize, copy: f64, software: bool) {
    const DIM: usize = 384;
    let bytes: Vec<u8> = (0..rows * DIM).map(|at| ((at as u32).wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let query = Query::new(&(0..DIM).map(|at| (at as f32).sin()).collect::<Vec<_>>());
    let time = |rows: usize| {
        let held = wait(GpuScan::new(Rc::clone(gpu), DIM, &[&bytes[..rows * DIM]])).expect("the device takes it");
        least(|| drop(wait(held.sums(std::slice::from_ref(&query))).expect("an answer")))
    };
    let (all, half) = (time(rows), time(rows / 2));
    let rate = (rows - rows / 2) as f64 * DIM as f64 / (all - half).max(1e-9);
    report("index scan", json!({"rows": rows, "dim": DIM, "ms": all * 1e3, "gb_s": rate / 1e9}), rate / copy, 0.8, software);
}

/// MiniLM over texts of 32 tokens, against its products alone.
fn encoder(gpu: &Rc<Gpu>, texts: usize, software: bool) {
    if !Path::new(CHECKPOINT).join("model.safetensors").exists() {
        println!("{}", json!({"what": "encoder", "note": "the MiniLM checkpoint is not there; `npm start` fetches it"}));
        return;
    }
    let bytes = Checkpoint::read(Path::new(CHECKPOINT), Choice::default()).and_then(|found| found.pack(PackDType::Q8)).expect("a pack");
    let pack = Pack::parse(bytes).expect("a pack");
    let inputs = TextInputs::new(&pack).expect("a text model");
    let text = vec!["boot"; 30].join(" ");
    let batch = inputs.batches(&vec![text.as_str(); texts], usize::MAX).expect("tokens").remove(0);
    let rows = *batch.offsets[0].last().expect("bounds") as usize;
    let model = wait(GpuModel::new(Rc::clone(gpu), inputs.head().graph.clone(), pack.file(), Tilings::of(gpu), &[])).expect("the device takes it");
    let whole = least(|| drop(wait(model.run(&batch)).expect("an answer")));
    let layer: f64 = [(384, 1152), (384, 384), (384, 1536), (1536, 384)].map(|(k, n)| product(gpu, Tilings::of(gpu), rows, k, n)).iter().sum();
    report("encoder", json!({"texts": texts, "tokens": rows, "ms": whole * 1e3, "products_ms": 6e3 * layer}), 6.0 * layer / whole, 0.5, software);
}

/// Bytes a second of a plain copy, read and written ones together, and f32 operations a second of multiply-adds in registers.
fn ceilings(less: usize) -> (f64, f64) {
    let (device, queue) = own_device();
    let run = |code: &str, bytes: usize, groups: [u32; 2], times: usize| {
        let buffer = |_| device.create_buffer(&wgpu::BufferDescriptor { label: None, size: bytes as u64, usage: wgpu::BufferUsages::STORAGE, mapped_at_creation: false });
        let buffers = [0, 1].map(buffer);
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor { label: None, source: wgpu::ShaderSource::Wgsl(code.into()) });
        let descriptor = wgpu::ComputePipelineDescriptor { label: None, layout: None, module: &module, entry_point: Some("main"), compilation_options: Default::default(), cache: None };
        let pipeline = device.create_compute_pipeline(&descriptor);
        let entries = [0, 1].map(|at| wgpu::BindGroupEntry { binding: at as u32, resource: buffers[at].as_entire_binding() });
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout: &pipeline.get_bind_group_layout(0), entries: &entries });
        let time = |times: usize| least(|| {
            let mut encoder = device.create_command_encoder(&Default::default());
            {
                let mut pass = encoder.begin_compute_pass(&Default::default());
                pass.set_pipeline(&pipeline);
                pass.set_bind_group(0, &group, &[]);
                (0..times).for_each(|_| pass.dispatch_workgroups(groups[0], groups[1], 1));
            }
            queue.submit([encoder.finish()]);
            device.poll(wgpu::PollType::wait_indefinitely()).expect("an answer");
        });
        (time(2 * times) - time(times)).max(1e-9) / times as f64
    };
    let bytes = (256 << 20) / less;
    let groups = (bytes / 16 / 256) as u32;
    let seconds = run(&COPY.replace("ACROSS", &format!("{}", groups.min(32_768))), bytes, [groups.min(32_768), groups.div_ceil(32_768)], 4);
    let copy = 2.0 * bytes as f64 / seconds;
    let threads = 1 << 20;
    let seconds = run(PRODUCTS, threads * 16, [(threads / 256 / less) as u32, 1], 4);
    // 128 rounds of eight multiply-adds of four numbers.
    let operations = (threads / less) as f64 * 128.0 * 8.0 * 4.0 * 2.0;
    (copy, operations / seconds)
}

const COPY: &str = "
@group(0) @binding(0) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> result: array<vec4<f32>>;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let at = (group.y * ACROSSu + group.x) * 256u + local;
  result[at] = source[at];
}";

const PRODUCTS: &str = "
@group(0) @binding(0) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> result: array<vec4<f32>>;
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let x = source[id.x];
  var a = x; var b = x + 1.0; var c = x + 2.0; var d = x + 3.0; var e = x + 4.0; var f = x + 5.0; var g = x + 6.0; var h = x + 7.0;
  for (var i = 0; i < 128; i++) {
    a = fma(a, x, x); b = fma(b, x, x); c = fma(c, x, x); d = fma(d, x, x);
    e = fma(e, x, x); f = fma(f, x, x); g = fma(g, x, x); h = fma(h, x, x);
  }
  result[id.x] = a + b + c + d + e + f + g + h;
}";

/// The adapter that the library takes, with a device of the benchmark's own.
fn own_device() -> (wgpu::Device, wgpu::Queue) {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::PRIMARY;
    let options = wgpu::RequestAdapterOptions { power_preference: wgpu::PowerPreference::HighPerformance, ..Default::default() };
    let adapter = wait(wgpu::Instance::new(descriptor).request_adapter(&options)).expect("the adapter that was there");
    let has = adapter.limits();
    let limits = wgpu::Limits { max_storage_buffer_binding_size: has.max_storage_buffer_binding_size.min(1 << 30), max_buffer_size: has.max_buffer_size.min(1 << 30), ..wgpu::Limits::default() };
    wait(adapter.request_device(&wgpu::DeviceDescriptor { label: None, required_limits: limits, ..Default::default() })).expect("a device")
}
