//! The graphs that join modalities, whole, on the GPU: against plain loops where they are short, and against the processor.

use std::collections::BTreeMap;

use palate::compute::cpu::isa::Isa;
use palate::compute::cpu::{CpuModel, Workspace};
use palate::format::joint::{Config as Joint, Modality};
use palate::format::tensors::{Part, TensorFile, write};
use palate::fuse::{joint, video_text};

use super::gpu::{NEAR, Outcome, Stand};
use super::loops::{self, f64s};
use super::Numbers;

/// A file of weights by name and shape, from seeded numbers around 0, or around 1 where they are a norm's.
fn drawn(numbers: &mut Numbers, named: &[(String, Vec<usize>)]) -> palate::Result<TensorFile> {
    let around = |name: &str| if name.contains("norm") && name.ends_with("weight") { 1.0 } else { 0.0 };
    let values: Vec<Vec<f32>> = named.iter().map(|(name, shape)| numbers.take(shape.iter().product()).iter().map(|v| v + around(name)).collect()).collect();
    let parts: Vec<Part<'_>> = named.iter().zip(&values).map(|((name, shape), values)| Part::f32(name, shape, values)).collect();
    TensorFile::parse(write(&parts, &BTreeMap::new())?, "a test")
}

/// A matrix and its bias.
fn linear(name: &str, out: usize, inputs: usize) -> [(String, Vec<usize>); 2] {
    [(format!("{name}.weight"), vec![out, inputs]), (format!("{name}.bias"), vec![out])]
}

/// Items with all modalities, and each without one of them.
pub async fn webgpu_joint_space_is_right(stand: &Stand) -> Outcome {
    let mut numbers = Numbers(71);
    let modality = |name: &str, dim| Modality { name: name.into(), dim, model: name.into(), sha256: String::new() };
    let config = Joint { dim: 24, modalities: vec![modality("text", 20), modality("image", 13), modality("audio", 9)] };
    let width = config.width();
    let named = [linear("gate", 24, width).to_vec(), linear("values", 24, width).to_vec(), vec![("query".into(), vec![1, 24])]].concat();
    let file = drawn(&mut numbers, &named)?;
    let vectors: Vec<Vec<f32>> = config.modalities.iter().map(|m| numbers.take(m.dim)).collect();
    let items: Vec<Vec<Option<&[f32]>>> = (0..4).map(|without| (0..3).map(|at| (at != without).then(|| vectors[at].as_slice())).collect()).collect();
    let batch = config.batch(&items)?;
    let rows = f64s(&batch.floats[0]);
    let of = |name: &str| -> palate::Result<Vec<f64>> { Ok(loops::linear(&rows, &f64s(&file.f32s(&format!("{name}.weight"))?), &file.f32s(&format!("{name}.bias"))?, width)) };
    let (gates, values) = (of("gate")?, of("values")?);
    let both: Vec<f32> = gates.chunks_exact(24).zip(values.chunks_exact(24)).flat_map(|(g, v)| [g, v].concat()).map(|v| v as f32).collect();
    let pooled: Vec<f32> = loops::attention_pool(&both, &batch.offsets[0], &file.f32s("query")?, 1).into_iter().map(|v| v as f32).collect();
    let want = loops::normalize(&pooled, 24);
    stand.whole("the joint space", &file, joint::graph(&config, &file)?, &batch, &want, NEAR).await
}

/// Films with frames and words, with frames alone and with words alone.
pub async fn webgpu_video_text_is_right(stand: &Stand) -> Outcome {
    let mut numbers = Numbers(72);
    let config = video_text::Config { frame: 10, word: 12, width: 16, dim: 20, heads: 4, layers: 1, wide: 24, places: 5 };
    let mut named = linear("rows", 16, 22).to_vec();
    named.extend([("places".into(), vec![10, 16]), ("kinds".into(), vec![2, 16])]);
    for part in ["queries", "keys", "values", "attended"] {
        named.extend(linear(&format!("layers.0.{part}"), 16, 16));
    }
    named.extend(linear("layers.0.wide", 24, 16).into_iter().chain(linear("layers.0.narrow", 16, 24)).chain(linear("answer", 20, 16)));
    for norm in ["layers.0.norm1", "layers.0.norm2", "norm"] {
        named.extend([(format!("{norm}.weight"), vec![16]), (format!("{norm}.bias"), vec![16])]);
    }
    let file = drawn(&mut numbers, &named)?;
    let mut rows = |count: usize, length: usize| -> Vec<Vec<f32>> { (0..count).map(|_| numbers.take(length)).collect() };
    let (frames, words) = (rows(5, 10), rows(3, 12));
    let batch = config.batch(&[(&frames, &words), (&frames[..2], &[]), (&[], &words)])?;
    let graph = video_text::graph(&config, &file)?;
    let want = CpuModel::new(graph.clone(), &file, Isa::best())?.run(&batch, &mut Workspace::default())?;
    stand.whole("a film", &file, graph, &batch, &f64s(&want), NEAR).await
}
