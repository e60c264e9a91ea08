//! MobileNetV2 with real weights, from a TFLite file by tests/reference/tflite_checkpoint.py, on photographs.

use std::path::{Path, PathBuf};
use std::process::Command;

use palate::compute::cpu::isa::Isa;
use palate::compute::graph::Op;
use palate::encode::ImageEncoder;
use palate::format::tensors::TensorFile;
use palate::preprocess::Picture;
use palate::publish::model::{Checkpoint, Choice, PackDType};
use rayon::prelude::*;

use crate::catalogs::shared;

/// Share of photographs whose class the original names first, and how far ours may be from it, in f32 and in int8.
const ORIGINAL: f64 = 0.89;
const TOLERANCE: f64 = 0.01;
/// Classes of the file before the first of ImageNet: the background.
const BACKGROUND: usize = 1;

/// Files and classes of the photographs.
fn photos(folder: &Path) -> Vec<(PathBuf, usize)> {
    let list = std::fs::read_to_string(folder.join("classes.csv")).unwrap();
    let row = |line: &str| line.rsplit_once(',').map(|(file, class)| (folder.join(file), class.trim().parse().unwrap()));
    list.lines().skip(1).filter_map(row).collect()
}

/// The classifier's best class of a picture: the model's last value before it is brought to unit length, times its weights.
fn best(encoder: &ImageEncoder, weights: &[f32], bias: &[f32], picture: &Picture) -> usize {
    let pool = encoder.graph().nodes.iter().position(|node| matches!(node.op, Op::Pool { .. })).unwrap();
    let mut features = Vec::new();
    encoder.observe(picture, |at, out| if at == pool { features = out.to_vec() }).unwrap();
    let score = |class: usize| {
        let row = &weights[class * features.len()..(class + 1) * features.len()];
        row.iter().zip(&features).map(|(w, f)| w * f).sum::<f32>() + bias[class]
    };
    (0..bias.len()).max_by(|&a, &b| score(a).total_cmp(&score(b))).unwrap()
}

#[test]
fn photos_are_named_as_by_the_original() {
    let (Some(weights), Some(photos_at)) = (shared("weights/coral"), shared("photos")) else {
        println!("skipped: the weights and photographs are not there");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/tflite_checkpoint.py");
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let made = Command::new(python).arg(script).arg(weights.join("mobilenet_v2_1.0_224_quant.tflite")).arg(folder.path()).output();
    let Ok(made) = made else {
        println!("skipped: there is no Python to read the TFLite file with");
        return;
    };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let file = TensorFile::parse(std::fs::read(folder.path().join("model.safetensors")).unwrap(), "the checkpoint").unwrap();
    let (classifier, bias) = (file.f32s("classifier.weight").unwrap(), file.f32s("classifier.bias").unwrap());
    let photos: Vec<(Picture, usize)> = photos(&photos_at)
        .into_par_iter()
        .map(|(path, class)| {
            let image = image::open(path).unwrap().into_rgb8();
            (Picture::from_rgb(image.width() as usize, image.height() as usize, image.into_raw()).unwrap(), class)
        })
        .collect();
    assert_eq!(photos.len(), 200);
    let checkpoint = Checkpoint::read(folder.path(), Choice::default()).unwrap();
    for dtype in [PackDType::F32, PackDType::Q8] {
        let pack = checkpoint.pack(dtype).unwrap();
        let bytes = pack.len();
        let encoder = ImageEncoder::open(pack, Isa::best()).unwrap();
        let right = photos.par_iter().filter(|(picture, class)| best(&encoder, &classifier, &bias, picture) == class + BACKGROUND).count();
        let share = right as f64 / photos.len() as f64;
        println!("{dtype:?}: {right} of {} right, pack {bytes} bytes", photos.len());
        assert!((share - ORIGINAL).abs() <= TOLERANCE + 1e-9, "{dtype:?}: {share}, expected {ORIGINAL}");
    }
}
