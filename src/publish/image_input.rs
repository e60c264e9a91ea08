//! How a checkpoint wants its pictures: `preprocessor_config.json`, with what its processor's class leaves unsaid.

use std::path::Path;

use serde_json::Value;

use super::checkpoint::optional;
use crate::error::{Error, Result};
use crate::format::pack::{ImageInput, ImageSize};

/// Means and deviations by channel (`transformers.image_utils`).
const OPENAI: ([f32; 3], [f32; 3]) = ([0.481_454_66, 0.457_827_5, 0.408_210_73], [0.268_629_54, 0.261_302_6, 0.275_777_1]);
const IMAGENET: ([f32; 3], [f32; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
const HALF: ([f32; 3], [f32; 3]) = ([0.5; 3], [0.5; 3]);

/// Pillow's numbers of filters.
const FILTERS: [(u64, &str); 4] = [(1, "lanczos"), (2, "bilinear"), (3, "bicubic"), (4, "box")];

/// What the class of a processor says where the file does not.
struct Defaults {
    resize: ImageSize,
    filter: u64,
    crop: Option<usize>,
    numbers: ([f32; 3], [f32; 3]),
}

/// Reads `preprocessor_config.json`, or the image processor's part of `processor_config.json`; `config` is the checkpoint's,
/// `tower` the vision model's part of it.
///
/// # Errors
/// [`Error::Input`] for values that are not understood or a model whose pictures have no fixed size.
pub fn read(folder: &Path, config: &Value, tower: &Value) -> Result<ImageInput> {
    let size = tower["image_size"].as_u64().unwrap_or(224) as usize;
    let exact = ImageSize::exact(size, size);
    let kind = config["model_type"].as_str().unwrap_or_default();
    let defaults = match kind {
        _ if kind.starts_with("clip") => Defaults { resize: ImageSize::shortest(size), filter: 3, crop: Some(size), numbers: OPENAI },
        _ if kind.starts_with("siglip") => Defaults { resize: exact, filter: 3, crop: None, numbers: HALF },
        "dinov2" => Defaults { resize: ImageSize::shortest(256), filter: 3, crop: Some(224), numbers: IMAGENET },
        "mobilenet_v2" => Defaults { resize: ImageSize::shortest(256), filter: 2, crop: Some(224), numbers: HALF },
        _ => Defaults { resize: exact, filter: 2, crop: None, numbers: HALF },
    };
    let file = match optional(folder, "preprocessor_config.json")? {
        Value::Null => optional(folder, "processor_config.json")?["image_processor"].clone(),
        file => file,
    };
    let does = |what: &str| file[what].as_bool().unwrap_or(true);
    let crops = file["do_center_crop"].as_bool().unwrap_or(defaults.crop.is_some());
    let resize = match does("do_resize") {
        true => Some(read_size(&file["size"], crops)?.unwrap_or(defaults.resize)),
        false => None,
    };
    let crop = match crops {
        true => Some(read_size(&file["crop_size"], false)?.unwrap_or(ImageSize::exact(defaults.crop.unwrap_or(size), defaults.crop.unwrap_or(size)))),
        false => resize,
    };
    let Some(ImageSize { shortest: 0, height, width }) = crop else {
        return Err(bad("neither crops nor resizes to a fixed size"));
    };
    let filter = file["resample"].as_u64().unwrap_or(defaults.filter);
    let Some((_, filter)) = FILTERS.into_iter().find(|(number, _)| *number == filter) else {
        return Err(bad(&format!("resamples by method {filter}, and only lanczos (1), bilinear (2), bicubic (3) and box (4) are supported")));
    };
    let (mean, std) = match does("do_normalize") {
        true => (read_channels(&file["image_mean"])?.unwrap_or(defaults.numbers.0), read_channels(&file["image_std"])?.unwrap_or(defaults.numbers.1)),
        false => ([0.0; 3], [1.0; 3]),
    };
    let rescale = if does("do_rescale") { file["rescale_factor"].as_f64().unwrap_or(1.0 / 255.0) } else { 1.0 };
    Ok(ImageInput { resize, filter: filter.into(), height, width, rescale, mean, std })
}

/// A size: `{"shortest_edge": n}`, `{"height": h, "width": w}`, or in older files a number, which is the shorter side where
/// `as_shortest` says so and else both.
fn read_size(value: &Value, as_shortest: bool) -> Result<Option<ImageSize>> {
    let side = |value: &Value| value.as_u64().filter(|n| (1..=4096).contains(n)).map(|n| n as usize);
    let square = |n: usize| if as_shortest { ImageSize::shortest(n) } else { ImageSize::exact(n, n) };
    let found = match value {
        Value::Null => return Ok(None),
        Value::Number(_) => side(value).map(square),
        _ => match (side(&value["shortest_edge"]), side(&value["height"]), side(&value["width"])) {
            (Some(shortest), ..) => Some(ImageSize::shortest(shortest)),
            (_, Some(height), Some(width)) => Some(ImageSize::exact(height, width)),
            _ => None,
        },
    };
    found.map(Some).ok_or_else(|| bad(&format!("has a size of {value}")))
}

/// Three numbers, or one for all channels.
fn read_channels(value: &Value) -> Result<Option<[f32; 3]>> {
    let numbers: Vec<f32> = match value {
        Value::Null => return Ok(None),
        Value::Array(all) => all.iter().filter_map(Value::as_f64).map(|v| v as f32).collect(),
        one => one.as_f64().map(|v| vec![v as f32; 3]).unwrap_or_default(),
    };
    <[f32; 3]>::try_from(numbers).map(Some).map_err(|_| bad(&format!("has {value} where three numbers stand")))
}

fn bad(detail: &str) -> Error {
    Error::input(format!("preprocessor_config.json {detail}. Check the checkpoint folder."))
}
