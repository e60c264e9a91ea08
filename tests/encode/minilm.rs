//! all-MiniLM-L6-v2 against sentence-transformers in fp32 (tests/reference/minilm_goldens.py).

use palate::compute::cpu::isa::Isa;
use palate::compute::webgpu::{GpuModel, Tiling, Tilings};
use palate::encode::TextEncoder;
use palate::platform::native::wait as block_on;
use palate::publish::model::{Checkpoint, Choice, PackDType};
use std::path::Path;

const DIM: usize = 384;
/// Checkpoint that the set-up fetches.
const CHECKPOINT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.cache/models/all-MiniLM-L6-v2");

fn goldens() -> (Vec<String>, Vec<f32>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/minilm");
    let texts = serde_json::from_slice(&std::fs::read(folder.join("texts.json")).unwrap()).unwrap();
    let bytes = std::fs::read(folder.join("embeddings.f32")).unwrap();
    (texts, bytes.chunks_exact(4).map(|c| f32::from_le_bytes(c.try_into().unwrap())).collect())
}

/// Mean and minimum cosine to the goldens (both sides are unit vectors).
///
/// Every `step`-th text: plain Rust is too slow for all of them.
fn cosines(encoder: &TextEncoder, step: usize) -> (f32, f32) {
    let (texts, golden) = goldens();
    let texts: Vec<&str> = texts.iter().step_by(step).map(String::as_str).collect();
    let vectors = encoder.encode(&texts).unwrap();
    assert_eq!(vectors.len(), texts.len());
    let golden = golden.chunks_exact(DIM).step_by(step);
    let cosines: Vec<f32> = vectors.iter().zip(golden).map(|(v, g)| v.iter().zip(g).map(|(a, b)| a * b).sum()).collect();
    (cosines.iter().sum::<f32>() / cosines.len() as f32, cosines.iter().copied().fold(f32::INFINITY, f32::min))
}

fn pack(dtype: PackDType) -> Option<Vec<u8>> {
    if !Path::new(CHECKPOINT).join("model.safetensors").exists() {
        println!("skipped: the MiniLM checkpoint is not there; `npm test` fetches it");
        return None;
    }
    Some(Checkpoint::read(Path::new(CHECKPOINT), Choice::default()).unwrap().pack(dtype).unwrap())
}

/// The f32 pack is the reference up to rounding: the graph, the tokenizer and the pooling are right.
#[test]
fn minilm_f32_is_the_reference() {
    let Some(pack) = pack(PackDType::F32) else { return };
    let encoder = TextEncoder::open(pack, Isa::best()).unwrap();
    let (mean, min) = cosines(&encoder, 1);
    println!("f32: mean cosine {mean:.7}, minimum {min:.7}");
    assert!(min > 0.99999, "minimum cosine {min}");
}

/// The int8 pack keeps the answer on every instruction set.
#[test]
fn minilm_int8_keeps_the_answer() {
    let Some(pack) = pack(PackDType::Q8) else { return };
    assert!(pack.len() <= 23_500_000, "the pack has {} bytes", pack.len());
    for isa in Isa::available() {
        let encoder = TextEncoder::open(pack.clone(), isa).unwrap();
        let (mean, min) = cosines(&encoder, if isa == Isa::best() { 1 } else { 10 });
        println!("int8 {}: mean cosine {mean:.6}, minimum {min:.6}, pack {} bytes", isa.name(), pack.len());
        assert!(mean >= 0.999 && min >= 0.995, "{}: mean {mean}, minimum {min}", isa.name());
    }
}

/// Half precision is the reference but for its rounding; four bits cost a little, and half of the download.
#[test]
fn minilm_f16_and_int4_keep_the_answer() {
    for (dtype, most_bytes, mean_least, least) in [(PackDType::F16, 46_500_000, 0.99999, 0.9999), (PackDType::Q4, 15_300_000, 0.99, 0.96)] {
        let Some(pack) = pack(dtype) else { return };
        let bytes = pack.len();
        let encoder = TextEncoder::open(pack, Isa::best()).unwrap();
        let (mean, min) = cosines(&encoder, if dtype == PackDType::F16 { 10 } else { 1 });
        println!("{dtype:?}: mean cosine {mean:.6}, minimum {min:.6}, pack {bytes} bytes");
        assert!(bytes <= most_bytes, "{dtype:?}: {bytes} bytes");
        assert!(mean >= mean_least && min >= least, "{dtype:?}: mean {mean}, minimum {min}");
    }
}

/// Natively, too, no pair of texts that the reference tells apart by more than 0.03 stands the other way around.
#[test]
fn minilm_int8_keeps_the_ranking() {
    let Some(pack) = pack(PackDType::Q8) else { return };
    let (texts, golden) = goldens();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let vectors = TextEncoder::open(pack, Isa::best()).unwrap().encode(&texts).unwrap();
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let golden: Vec<&[f32]> = golden.chunks_exact(DIM).collect();
    let (mut wrong, mut pairs) = (0u32, 0u32);
    for query in 0..texts.len() {
        let reference: Vec<f32> = golden.iter().map(|row| dot(golden[query], row)).collect();
        let ours: Vec<f32> = vectors.iter().map(|row| dot(&vectors[query], row)).collect();
        for a in (0..texts.len()).filter(|&a| a != query) {
            for b in (0..texts.len()).filter(|&b| b != query && reference[a] - reference[b] > 0.03) {
                pairs += 1;
                wrong += u32::from(ours[a] <= ours[b]);
            }
        }
    }
    println!("{wrong} of {pairs} pairs misordered");
    assert!(pairs > 1_000_000 && wrong == 0, "{wrong} of {pairs} pairs");
}

/// The same model on a GPU, or on a processor that plays one.
#[test]
fn minilm_on_webgpu_keeps_the_answer() {
    let Some(gpu) = crate::ops::webgpu::gpu() else { return };
    let usual = Tilings::of(&gpu);
    let dot = Tiling::Dot { rows: 8, cols4: 1 };
    let half = Tiling::Half { rows: 8, cols4: 1 };
    let (bytes, halves) = (Tilings { short: dot, long: dot }, Tilings { short: half, long: half });
    for (dtype, tilings, least) in [(PackDType::F32, usual, 0.99999), (PackDType::F16, usual, 0.99999), (PackDType::Q8, usual, 0.999), (PackDType::Q8, bytes, 0.999), (PackDType::Q8, halves, 0.999), (PackDType::Q4, usual, 0.99)] {
        if !tilings.fit(gpu.extras()) {
            println!("skipped: {tilings} need what this device has not");
            continue;
        }
        let Some(bytes) = pack(dtype) else { return };
        let pack = palate::format::pack::Pack::parse(bytes).unwrap();
        let encoder = TextEncoder::from_pack(&pack, Isa::best()).unwrap();
        // Every tenth text: the browser's tests take all of them.
        let (texts, golden) = goldens();
        let texts: Vec<&str> = texts.iter().step_by(10).map(String::as_str).collect();
        let model = block_on(GpuModel::new(gpu.clone(), encoder.graph().clone(), pack.file(), tilings, &[])).unwrap();
        let began = std::time::Instant::now();
        let outputs: Vec<Vec<f32>> =
            encoder.inputs().batches(&texts, 2048).unwrap().iter().map(|batch| block_on(model.run(batch)).unwrap()).collect();
        let vectors = encoder.inputs().rows(&outputs);
        assert_eq!(vectors.len(), texts.len());
        let cosines: Vec<f32> = vectors.iter().zip(golden.chunks_exact(DIM).step_by(10)).map(|(v, g)| v.iter().zip(g).map(|(a, b)| a * b).sum()).collect();
        let (mean, min) = (cosines.iter().sum::<f32>() / cosines.len() as f32, cosines.iter().copied().fold(f32::INFINITY, f32::min));
        println!("{dtype:?} on {}, {tilings}: mean cosine {mean:.7}, minimum {min:.7}, {:?}", gpu.adapter().name, began.elapsed());
        assert!(mean >= least && min >= least - 0.03, "{dtype:?}, {tilings}: mean {mean}, minimum {min}");
    }
}
