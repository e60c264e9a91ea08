//! Whole models with seeded weights against the reference library (tests/reference/model_goldens.py).

use std::path::Path;

use palate::compute::cpu::isa::Isa;
use palate::encode::choice::Wish;
use palate::encode::audio::AudioDevices;
use palate::encode::image::ImageDevices;
use palate::encode::text::TextDevices;
use palate::encode::{AudioEncoder, ImageEncoder, TextEncoder};
use palate::format::pack::{Pack, Pooling};
use palate::platform::native::wait as block_on;
use palate::preprocess::Picture;
use palate::publish::model::{Checkpoint, Choice, PackDType, Tower};
use serde_json::Value;

use crate::catalogs::seeded::{picture, sound, write_checkpoint};
use crate::ops::webgpu::gpu;

/// Largest difference of an fp32 pack to the reference, relative to the largest number of a vector.
const EXACT: f64 = 1e-4;
/// Least mean cosine of an int8 pack to the reference.
const INT8: f64 = 0.995;

fn fixture(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/models/{name}.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn golden(fixture: &Value) -> Vec<Vec<f64>> {
    let row = |row: &Value| row.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    fixture["vectors"].as_array().unwrap().iter().map(row).collect()
}

/// The pack of a fixture's checkpoint.
fn pack(fixture: &Value, tower: Option<Tower>, dtype: PackDType) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    write_checkpoint(folder.path(), fixture);
    Checkpoint::read(folder.path(), Choice { tower, pooling: None }).unwrap().pack(dtype).unwrap()
}

fn texts(fixture: &Value) -> Option<Vec<&str>> {
    Some(fixture["texts"].as_array()?.iter().map(|t| t.as_str().unwrap()).collect())
}

fn pictures(fixture: &Value) -> Vec<Picture> {
    let of = |p: &Value| picture(p[0].as_u64().unwrap() as usize, p[1].as_u64().unwrap() as usize, p[2].as_i64().unwrap());
    fixture["pictures"].as_array().unwrap().iter().map(of).collect()
}

/// The vectors of a fixture's inputs by the pack of its checkpoint.
fn vectors(fixture: &Value, tower: Option<Tower>, dtype: PackDType, isa: Isa) -> Vec<Vec<f32>> {
    let pack = pack(fixture, tower, dtype);
    if let Some(sounds) = fixture["sounds"].as_array() {
        let encoder = AudioEncoder::open(pack, isa).unwrap();
        let of = |s: &Value| sound(encoder.preparation().rate, s[0].as_f64().unwrap(), s[1].as_u64().unwrap() as u32);
        return sounds.iter().map(|s| encoder.encode(&of(s)).unwrap()).collect();
    }
    match texts(fixture) {
        Some(texts) => TextEncoder::open(pack, isa).unwrap().encode(&texts).unwrap(),
        None => ImageEncoder::open(pack, isa).unwrap().encode(&pictures(fixture)).unwrap(),
    }
}

/// The same on the GPU of this machine, which the probe has to find right; `None` where there is none.
fn vectors_on_gpu(fixture: &Value, tower: Option<Tower>, dtype: PackDType) -> Option<Vec<Vec<f32>>> {
    gpu()?;
    let pack = Pack::parse(pack(fixture, tower, dtype)).unwrap();
    let (found, account) = match (texts(fixture), fixture["sounds"].as_array()) {
        (None, Some(sounds)) => {
            let model = AudioDevices::new(pack, Isa::best(), Wish::Gpu, || 0.0).unwrap();
            let of = |s: &Value| sound(model.inputs().preparation().rate, s[0].as_f64().unwrap(), s[1].as_u64().unwrap() as u32);
            (sounds.iter().map(|s| block_on(model.encode(&of(s))).unwrap()).collect(), model.devices().account())
        }
        (Some(texts), _) => {
            let model = TextDevices::new(pack, Isa::best(), Wish::Gpu, || 0.0).unwrap();
            (block_on(model.encode(&texts)).unwrap(), model.devices().account())
        }
        (None, None) => {
            let model = ImageDevices::new(pack, Isa::best(), Wish::Gpu, || 0.0).unwrap();
            (block_on(model.encode(&pictures(fixture))).unwrap(), model.devices().account())
        }
    };
    assert_eq!(account.probe.as_deref(), Some("right"), "{}", account.why);
    assert!(account.few_on_gpu && account.many_on_gpu && account.repeated == 0, "{account:?}");
    Some(found)
}

fn exact(name: &str, tower: Option<Tower>) {
    let fixture = fixture(name);
    let golden = golden(&fixture);
    let worst = |found: &[Vec<f32>]| {
        assert_eq!(found.len(), golden.len());
        let mut worst = 0.0f64;
        for (found, golden) in found.iter().zip(&golden) {
            assert_eq!(found.len(), golden.len());
            let largest = golden.iter().fold(0.0f64, |m, v| m.max(v.abs()));
            worst = found.iter().zip(golden).fold(worst, |m, (f, g)| m.max((f64::from(*f) - g).abs() / largest));
        }
        worst
    };
    let on_cpu = worst(&vectors(&fixture, tower, PackDType::F32, Isa::best()));
    println!("{name} f32: largest relative difference {on_cpu:.1e}");
    assert!(on_cpu <= EXACT, "{name}: {on_cpu}");
    // A processor that plays a GPU takes a minute for layers of real width; what differs there is their length alone.
    if !name.ends_with("_base") && let Some(found) = vectors_on_gpu(&fixture, tower, PackDType::F32) {
        let on_gpu = worst(&found);
        println!("{name} f32 on the GPU: {on_gpu:.1e}");
        assert!(on_gpu <= EXACT, "{name} on the GPU: {on_gpu}");
    }
}

fn cosine(found: &[f32], golden: &[f64]) -> f64 {
    found.iter().zip(golden).map(|(f, g)| f64::from(*f) * g).sum()
}

fn int8(name: &str, tower: Option<Tower>) {
    let fixture = fixture(name);
    for isa in [Isa::best(), Isa::Portable] {
        let found = vectors(&fixture, tower, PackDType::Q8, isa);
        let cosines: Vec<f64> = found.iter().zip(&golden(&fixture)).map(|(f, g)| cosine(f, g)).collect();
        let (mean, least) = (cosines.iter().sum::<f64>() / cosines.len() as f64, cosines.iter().copied().fold(1.0, f64::min));
        println!("{name} int8 {}: mean cosine {mean:.5}, least {least:.5}", isa.name());
        assert!(mean >= INT8, "{name} on {}: {mean}", isa.name());
    }
    if let Some(found) = vectors_on_gpu(&fixture, tower, PackDType::Q8) {
        let mean = found.iter().zip(&golden(&fixture)).map(|(f, g)| cosine(f, g)).sum::<f64>() / found.len() as f64;
        println!("{name} int8 on the GPU: mean cosine {mean:.5}");
        assert!(mean >= INT8, "{name} on the GPU: {mean}");
    }
}

#[test]
fn models_vit_is_the_reference() {
    exact("vit", None);
    exact("vit_base", None);
    int8("vit", None);
}

/// Where vectors are one row of the last layer, only that row is computed in its feed-forward; the numbers stay the same bits.
#[test]
fn models_compute_only_the_rows_they_need() {
    use palate::compute::graph::{Graph, Op, Rows};
    use palate::encode::inputs::{Inputs, OnCpu};
    /// Products of a graph, and those of them over one row an item.
    fn products(graph: &Graph) -> (usize, usize) {
        let rows: Vec<Rows> = graph.nodes.iter().filter(|node| matches!(node.op, Op::Linear { .. })).map(|node| node.shape.rows).collect();
        (rows.len(), rows.iter().filter(|rows| **rows == Rows::PerItem(1)).count())
    }
    fn both<I: Inputs>(name: &str, tower: Option<Tower>, pooling: Option<Pooling>, one: usize, vectors: impl Fn(&OnCpu<I>) -> Vec<Vec<f32>>) {
        let folder = tempfile::tempdir().unwrap();
        write_checkpoint(folder.path(), &fixture(name));
        let bytes = Checkpoint::read(folder.path(), Choice { tower, pooling }).unwrap().pack(PackDType::Q8).unwrap();
        let pack = Pack::parse(bytes).unwrap();
        let (pruned, whole) = (OnCpu::<I>::from_pack(&pack, Isa::best()).unwrap(), OnCpu::<I>::whole(&pack, Isa::best()).unwrap());
        assert_eq!(vectors(&pruned), vectors(&whole), "{name}");
        let (all, few) = products(pruned.graph());
        assert_eq!((all, few - products(whole.graph()).1), (products(whole.graph()).0, one), "{name}");
        assert!(pruned.graph().pruned() == *pruned.graph(), "{name}: what is pruned stays as it is");
    }
    let of_texts = |name: &str| {
        let fixture = fixture(name);
        move |encoder: &TextEncoder| encoder.encode(&texts(&fixture).unwrap()).unwrap()
    };
    let of_pictures = |name: &str| {
        let fixture = fixture(name);
        move |encoder: &ImageEncoder| encoder.encode(&pictures(&fixture)).unwrap()
    };
    // The output of attention and both matrices of the feed-forward.
    both("clip_text", Some(Tower::Text), None, 3, of_texts("clip_text"));
    both("siglip_text", Some(Tower::Text), None, 3, of_texts("siglip_text"));
    both("xlm_roberta", None, Some(Pooling::Cls), 3, of_texts("xlm_roberta"));
    both("clip_image", Some(Tower::Image), None, 3, of_pictures("clip_image"));
    both("vit", None, Some(Pooling::Cls), 3, of_pictures("vit"));
    // A mean is of all rows.
    both("xlm_roberta", None, Some(Pooling::Mean), 0, of_texts("xlm_roberta"));
    both("vit", None, Some(Pooling::Mean), 0, of_pictures("vit"));
}

/// Layer scales folded, positions interpolated.
#[test]
fn models_dinov2_is_the_reference() {
    exact("dinov2", None);
    exact("dinov2_base", None);
    int8("dinov2", None);
}

#[test]
fn models_clip_pictures_are_the_reference() {
    exact("clip_image", Some(Tower::Image));
    exact("clip_base", Some(Tower::Image));
    int8("clip_image", Some(Tower::Image));
}

/// The causal mask, the end of text, and texts that are cut.
#[test]
fn models_clip_texts_are_the_reference() {
    exact("clip_text", Some(Tower::Text));
    exact("clip_text_base", Some(Tower::Text));
    int8("clip_text", Some(Tower::Text));
}

/// Positions that count from the padding on.
#[test]
fn models_xlm_roberta_is_the_reference() {
    exact("xlm_roberta", None);
    exact("xlm_roberta_base", None);
    int8("xlm_roberta", None);
}

/// A bias of attention by distance, shared by the layers, in texts that are longer than it reaches.
#[test]
fn models_mpnet_is_the_reference() {
    exact("mpnet", None);
    exact("mpnet_base", None);
    int8("mpnet", None);
}

/// Pooling by a learned query.
#[test]
fn models_siglip_pictures_are_the_reference() {
    exact("siglip", Some(Tower::Image));
    exact("siglip_base", Some(Tower::Image));
    int8("siglip", Some(Tower::Image));
}

/// Texts filled up behind and before, with the tokenizer's number, to the last token of all.
#[test]
fn models_siglip_texts_are_the_reference() {
    exact("siglip_text", Some(Tower::Text));
    exact("siglip_text_base", Some(Tower::Text));
    int8("siglip_text", Some(Tower::Text));
    exact("siglip2_text", Some(Tower::Text));
    int8("siglip2_text", Some(Tower::Text));
}

/// What fills texts up is what the tokenizer's files say, else what its class does; a pack that fills without end is none.
#[test]
fn models_siglip_texts_are_filled_as_the_tokenizer_says() {
    use palate::format::pack::Filling;
    let filling = |change: &dyn Fn(&mut Value)| {
        let mut fixture = fixture("siglip2_text");
        change(&mut fixture["files"]);
        let pack = Pack::parse(pack(&fixture, Some(Tower::Text), PackDType::F32)).unwrap();
        assert_eq!(pack.encoder.max_tokens, 16);
        pack.encoder.fill
    };
    let fill = |token: u32, before: bool| Some(Filling { token, before });
    let own = "tokenizer_config.json";
    assert_eq!(filling(&|_| ()), fill(0, true));
    assert_eq!(filling(&|files| files[own]["padding_side"] = "right".into()), fill(0, false));
    assert_eq!(filling(&|files| files[own]["pad_token"] = serde_json::json!({"content": "<unk>"})), fill(3, true));
    assert_eq!(filling(&|files| files[own]["tokenizer_class"] = "TokenizersBackend".into()), fill(0, false));
    // Without a word about it the configuration's number stands.
    assert_eq!(filling(&|files| files[own] = serde_json::json!({})), fill(1, false));
    let padding = serde_json::json!({"strategy": "BatchLongest", "direction": "Left", "pad_to_multiple_of": null, "pad_id": 7, "pad_type_id": 0, "pad_token": "x"});
    assert_eq!(filling(&|files| (files[own], files["tokenizer.json"]["padding"]) = (serde_json::json!({}), padding.clone())), fill(7, true));
    let encoder = palate::format::pack::EncoderConfig {
        pooling: palate::format::pack::Pooling::Cls,
        max_tokens: 1 << 40,
        dim: 48,
        fill: fill(0, true),
        image: None,
        audio: None,
    };
    let metadata = Pack::metadata("x", "siglip-text", "{}", &encoder).unwrap();
    let bytes = palate::format::tensors::write(&[palate::format::tensors::Part::f32("w", &[1], &[0.0])], &metadata).unwrap();
    assert_eq!(Pack::parse(bytes).map(|_| ()).map_err(|e| e.code()), Err("corrupt"));
}

/// Batch norms folded, both kinds of padding, sizes that leave a rest.
#[test]
fn models_mobilenet_v2_is_the_reference() {
    exact("mobilenet_v2", None);
    exact("mobilenet_v2_odd", None);
    exact("mobilenet_v2_full", None);
    int8("mobilenet_v2", None);
}

/// Two tokens before overlapping patches, time along the other side of the picture.
#[test]
fn models_ast_is_the_reference() {
    exact("ast", None);
    exact("ast_base", None);
    int8("ast", None);
}

/// A RoBERTa, its pooler and a projection of two layers.
#[test]
fn models_clap_texts_are_the_reference() {
    exact("clap_text", Some(Tower::Text));
    exact("clap_text_base", Some(Tower::Text));
    int8("clap_text", Some(Tower::Text));
}

/// A norm of the bins, a spectrogram that is stretched and folded, windows that are shifted, positions that are merged.
#[test]
fn models_clap_sounds_are_the_reference() {
    exact("clap_audio", Some(Tower::Audio));
    exact("clap_audio_base", Some(Tower::Audio));
    int8("clap_audio", Some(Tower::Audio));
}

/// A CLAP whose windows do not cover its picture, or whose bins are not the extractor's, says so.
#[test]
fn models_of_claps_that_are_not_understood_are_refused() {
    let read = |change: &dyn Fn(&mut Value)| {
        let mut fixture = fixture("clap_audio");
        change(&mut fixture);
        let folder = tempfile::tempdir().unwrap();
        write_checkpoint(folder.path(), &fixture);
        let error = Checkpoint::read(folder.path(), Choice { tower: Some(Tower::Audio), pooling: None }).and_then(|c| c.pack(PackDType::Q8)).err().expect("it is refused");
        (error.code(), error.to_string())
    };
    let (code, text) = read(&|f| f["config"]["audio_config"]["window_size"] = 5.into());
    assert!(code == "bad-input" && text.contains("windows of 5 in 16 x 16"), "{text}");
    let (code, text) = read(&|f| f["config"]["audio_config"]["patch_stride"] = serde_json::json!([4, 2]));
    assert!(code == "bad-input" && text.contains("patch_stride [4,2]"), "{text}");
    let (code, text) = read(&|f| f["config"]["audio_config"]["patch_size"] = 0.into());
    assert!(code == "corrupt" && text.contains("no HTSAT of 64 x 64"), "{text}");
    let (code, text) = read(&|f| f["config"]["audio_config"]["enable_fusion"] = true.into());
    assert!(code == "bad-input" && text.contains("fusion"), "{text}");
    for (name, value) in [("feature_size", 32), ("max_length_s", 3)] {
        let (code, text) = read(&|f| f["files"]["preprocessor_config.json"][name] = value.into());
        assert!(code == "corrupt" && text.contains("prepares sounds"), "{name}: {text}");
    }
    let (code, text) = read(&|f| f["config"]["audio_config"]["spec_size"] = 72.into());
    assert!(code == "bad-input" && text.contains("18 x 18"), "{text}");
}

/// An audio checkpoint whose numbers cannot be is an error, and one that needs more than this build has says so.
#[test]
fn models_of_sounds_that_are_not_understood_are_refused() {
    let read = |change: &dyn Fn(&mut Value), tower: Option<Tower>| {
        let mut fixture = fixture("ast");
        change(&mut fixture);
        let folder = tempfile::tempdir().unwrap();
        write_checkpoint(folder.path(), &fixture);
        let error = Checkpoint::read(folder.path(), Choice { tower, pooling: None }).err().expect("it is refused");
        (error.code(), error.to_string())
    };
    let (code, text) = read(&|f| f["config"]["time_stride"] = 8.into(), None);
    assert!(code == "bad-input" && text.contains("strides 8 and 10"), "{text}");
    let (code, text) = read(&|f| f["config"]["patch_size"] = 0.into(), None);
    assert!(code == "corrupt" && text.contains("position_embeddings"), "{text}");
    let (code, text) = read(&|f| f["files"]["preprocessor_config.json"]["max_length"] = 4.into(), None);
    assert!(code == "corrupt" && text.contains("spectrograms of 4 x 64"), "{text}");
    let (code, text) = read(&|f| f["files"]["preprocessor_config.json"]["max_length"] = 150.into(), None);
    assert!(code == "corrupt" && text.contains("position_embeddings"), "{text}");
    let (code, text) = read(&|f| f["files"]["preprocessor_config.json"]["num_mel_bins"] = "many".into(), None);
    assert!(code == "bad-input" && text.contains("num_mel_bins"), "{text}");
    let (code, text) = read(&|f| f["config"]["model_type"] = "clap".into(), Some(Tower::Image));
    assert!(code == "bad-input" && text.contains("no Image tower"), "{text}");
}

/// A pack is bytes from outside: what it says of its sounds is checked before anything is made of it.
#[test]
fn models_of_sounds_with_forged_numbers_are_corrupt() {
    use palate::format::pack::{AudioInput, EncoderConfig, Pack, Pooling, SquareInput};
    let honest = AudioInput {
        features: "ast".into(),
        rate: 16_000,
        window: 400,
        fft: 512,
        hop: 160,
        bins: 64,
        low: 20.0,
        high: 8_000.0,
        frames: 98,
        mean: 0.0,
        std: 1.0,
        seconds: 1.0,
        square: Some(SquareInput { side: 128, scale: vec![1.0; 64], shift: vec![0.0; 64] }),
    };
    let square = |change: &dyn Fn(&mut SquareInput)| {
        let mut audio = honest.clone();
        audio.square.iter_mut().for_each(change);
        audio
    };
    let code = |audio: AudioInput| {
        let encoder = EncoderConfig { pooling: Pooling::Cls, max_tokens: 0, dim: 48, fill: None, image: None, audio: Some(audio) };
        let metadata = Pack::metadata("x", "ast", "{}", &encoder).unwrap();
        let bytes = palate::format::tensors::write(&[palate::format::tensors::Part::f32("w", &[1], &[0.0])], &metadata).unwrap();
        Pack::parse(bytes).map(|_| ()).map_err(|e| e.code())
    };
    assert_eq!(code(honest.clone()), Ok(()));
    let forged = [
        AudioInput { fft: 500, ..honest.clone() },
        AudioInput { fft: 1 << 20, ..honest.clone() },
        AudioInput { window: 513, ..honest.clone() },
        AudioInput { hop: 0, ..honest.clone() },
        AudioInput { bins: 0, ..honest.clone() },
        AudioInput { frames: 0, ..honest.clone() },
        AudioInput { frames: 1 << 40, ..honest.clone() },
        AudioInput { rate: 0, ..honest.clone() },
        AudioInput { high: 9_000.0, ..honest.clone() },
        AudioInput { low: 8_000.0, ..honest.clone() },
        AudioInput { std: 0.0, ..honest.clone() },
        AudioInput { seconds: 1e9, ..honest.clone() },
        AudioInput { seconds: 0.0, ..honest.clone() },
        // Squares: no multiple of the bins, without room for the frames, too large, of other bins, not finite.
        square(&|s| s.side = 100),
        square(&|s| s.side = 64),
        square(&|s| s.side = 1 << 40),
        square(&|s| s.side = 0),
        square(&|s| s.scale.truncate(63)),
        square(&|s| s.shift[5] = f32::NAN),
    ];
    for audio in forged {
        assert_eq!(code(audio.clone()), Err("corrupt"), "{audio:?}");
    }
}

/// A checkpoint that this build cannot pack says so, and what to do.
#[test]
fn models_that_are_not_understood_are_refused() {
    let read = |change: &dyn Fn(&mut Value), tower: Option<Tower>| {
        let mut fixture = fixture("clip_image");
        change(&mut fixture);
        let folder = tempfile::tempdir().unwrap();
        write_checkpoint(folder.path(), &fixture);
        let error = Checkpoint::read(folder.path(), Choice { tower, pooling: None }).err().expect("it is refused");
        (error.code(), error.to_string())
    };
    let (code, text) = read(&|_| (), None);
    assert!(code == "bad-input" && text.contains("--tower text or --tower image"), "{text}");
    let (code, text) = read(&|f| f["config"]["model_type"] = "swin".into(), Some(Tower::Image));
    assert!(code == "bad-input" && text.contains("swin"), "{text}");
    let (code, text) = read(&|f| f["config"]["vision_config"]["hidden_act"] = "mish".into(), Some(Tower::Image));
    assert!(code == "bad-input" && text.contains("mish"), "{text}");
    let (code, text) = read(&|f| f["config"]["vision_config"]["num_attention_heads"] = 5.into(), Some(Tower::Image));
    assert!(code == "corrupt" && text.contains("5 heads"), "{text}");
    let (code, text) = read(&|f| f["config"]["vision_config"]["patch_size"] = 0.into(), Some(Tower::Image));
    assert!(code == "corrupt" && text.contains("patches of 0"), "{text}");
    let (code, text) = read(&|f| f["files"]["preprocessor_config.json"]["crop_size"] = "big".into(), Some(Tower::Image));
    assert!(code == "bad-input" && text.contains("size of \"big\""), "{text}");
    let (code, text) = read(&|f| f["files"]["preprocessor_config.json"]["resample"] = 0.into(), Some(Tower::Image));
    assert!(code == "bad-input" && text.contains("method 0"), "{text}");
    let (code, text) = read(&|f| f["files"]["preprocessor_config.json"]["crop_size"] = 48.into(), Some(Tower::Image));
    assert!(code == "corrupt" && text.contains("position_embedding"), "{text}");
}

#[test]
fn models_tilings_are_tuned_once_for_an_adapter() {
    if gpu().is_none() {
        return;
    }
    let fixture = fixture("xlm_roberta");
    let pack = Pack::parse(pack(&fixture, None, PackDType::Q8)).unwrap();
    let texts = texts(&fixture).unwrap();
    let clock = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64() * 1e3;
    let open = || {
        let model = TextDevices::new(pack.clone(), Isa::best(), Wish::Gpu, clock).unwrap();
        let vectors = block_on(model.encode(&texts)).unwrap();
        (model, vectors)
    };
    let (model, vectors) = open();
    let first = block_on(model.settle("a card", true, None)).expect("something to remember");
    assert_eq!(block_on(model.settle("a card", true, None)), None, "a model settles once");
    let mut known: Value = serde_json::from_slice(&first).unwrap();
    let tilings = format!("{} short, {} long", known["tilings"][0].as_str().unwrap(), known["tilings"][1].as_str().unwrap());
    assert_eq!(model.devices().account().tilings, Some(tilings.clone()));
    for (found, before) in block_on(model.encode(&texts)).unwrap().iter().zip(&vectors) {
        assert!(cosine(found, &before.iter().map(|&v| f64::from(v)).collect::<Vec<_>>()) > 0.99999);
    }
    // Other tilings than those that a visit begins with, so that remembering them shows.
    known["tilings"][0] = "direct 2x4".into();
    let other = known.to_string();
    let (again, _) = open();
    assert_eq!(block_on(again.settle("a card", true, Some(other.as_bytes()))), None);
    assert!(again.devices().account().tilings.unwrap().starts_with("direct 2x4 short, "));
    block_on(again.encode(&texts)).unwrap();
    assert_eq!(again.devices().account().probe.as_deref(), Some("right"));
    let (elsewhere, _) = open();
    assert!(block_on(elsewhere.settle("another card", true, Some(other.as_bytes()))).is_some(), "another card is tuned for itself");
}
