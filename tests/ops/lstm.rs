//! `Op::Lstm`: against f64 loops, and against PyTorch's own (tests/reference/lstm_golden.py).

use std::collections::BTreeMap;
use std::path::Path;

use super::{Numbers, assert_close, loops::lstm as expected, tolerance};
use crate::catalogs::seeded::numbers;
use palate::compute::builder::Builder;
use palate::compute::cpu::lstm::{Recurrence, lstm};
use palate::compute::cpu::{CpuModel, isa::Isa};
use palate::compute::graph::{Activation, Batch};
use palate::format::tensors::{Part, TensorFile, write};
use palate::publish::quantize::quantize_rows;
use serde_json::Value;

/// Largest difference to PyTorch, of numbers within -1 and 1.
const TOLERANCE: f64 = 1e-5;

#[test]
fn lstm_is_right_on_ragged_batches() {
    for (seed, (lens, hidden)) in [(vec![1], 1), (vec![3, 0, 17], 7), (vec![40, 1], 32), (vec![2, 5], 131)].into_iter().enumerate() {
        let mut offsets = vec![0u32];
        lens.iter().for_each(|len| offsets.push(offsets[offsets.len() - 1] + len));
        let rows = offsets[lens.len()] as usize;
        let mut numbers = Numbers(seed as u64 + 71);
        let x: Vec<f32> = numbers.take(rows * 4 * hidden).iter().map(|v| v * 3.0).collect();
        let weights: Vec<f32> = numbers.take(4 * hidden * hidden).iter().map(|w| w * 2.0 / (hidden as f32).sqrt()).collect();
        let want = expected(&x, &offsets, &weights, hidden);
        for isa in Isa::available() {
            let mut out = vec![f32::NAN; rows * hidden];
            lstm(isa, &x, &offsets, &Recurrence::new(&weights, hidden), &mut out);
            assert_close(&format!("lstm {lens:?} x {hidden}"), isa, &out, &want, tolerance::LSTM);
        }
    }
}

/// Gates far outside of what `exp` holds, and weights in int8 of a scale a row.
#[test]
fn lstm_saturates_and_takes_int8_weights() {
    let (hidden, offsets) = (5, [0u32, 4]);
    let x: Vec<f32> = Numbers(5).take(4 * 4 * hidden).iter().map(|v| v * 400.0).collect();
    let weights = Numbers(6).take(4 * hidden * hidden);
    let (q, scales) = quantize_rows(&weights, hidden);
    let rounded: Vec<f32> = q.iter().enumerate().map(|(at, &v)| f32::from(v) * scales[at / hidden]).collect();
    let parts = [Part::i8("w.weight", &[4 * hidden, hidden], &q), Part::f32("w.weight.scale", &[4 * hidden], &scales)];
    let file = TensorFile::parse(write(&parts, &BTreeMap::new()).unwrap(), "a test").unwrap();
    let mut b = Builder::new(&file);
    let input = b.float_rows(0, 4 * hidden);
    b.lstm(input, "w").unwrap();
    let batch = Batch { items: 1, offsets: vec![offsets.to_vec()], floats: vec![x.clone()], ..Batch::default() };
    let found = CpuModel::new(b.finish(), &file, Isa::best()).unwrap().run_shared(&batch).unwrap();
    assert_close("lstm int8", Isa::best(), &found, &expected(&x, &offsets, &rounded, hidden), tolerance::LSTM);
}

#[test]
fn lstm_of_another_width_is_refused() {
    let parts = [Part::f32("w.weight", &[8, 2], &[0.0; 16])];
    let file = TensorFile::parse(write(&parts, &BTreeMap::new()).unwrap(), "a test").unwrap();
    for cols in [0, 6, 12, 5000] {
        let mut b = Builder::new(&file);
        let input = b.float_rows(0, cols);
        assert_eq!(b.lstm(input, "w").unwrap_err().code(), "corrupt", "{cols}");
    }
}

/// `torch.nn.LSTM`: its input product as a linear op with both biases in one, then the recurrence.
#[test]
fn lstm_is_pytorchs() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/lstm.json");
    let fixture: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for case in fixture["cases"].as_array().unwrap() {
        let size = |name: &str| case[name].as_u64().unwrap() as usize;
        let (name, inputs, hidden) = (case["name"].as_str().unwrap(), size("inputs"), size("hidden"));
        let lens: Vec<u32> = serde_json::from_value(case["lens"].clone()).unwrap();
        let mut offsets = vec![0u32];
        lens.iter().for_each(|len| offsets.push(offsets[offsets.len() - 1] + len));
        let rows = offsets[lens.len()] as usize;
        let take = |what: &str, count: usize, scale: f32| numbers(&format!("{name} {what}"), count).map(|v| v * scale).collect::<Vec<f32>>();
        let scale = 1.0 / (hidden as f32).sqrt();
        let bias: Vec<f32> = take("bias_ih", 4 * hidden, scale).iter().zip(take("bias_hh", 4 * hidden, scale)).map(|(a, b)| a + b).collect();
        let parts = [
            Part::f32("in.weight", &[4 * hidden, inputs], &take("weight_ih", 4 * hidden * inputs, scale)),
            Part::f32("in.bias", &[4 * hidden], &bias),
            Part::f32("state.weight", &[4 * hidden, hidden], &take("weight_hh", 4 * hidden * hidden, scale)),
        ];
        let file = TensorFile::parse(write(&parts, &BTreeMap::new()).unwrap(), "a test").unwrap();
        let mut b = Builder::new(&file);
        let x = b.float_rows(0, inputs);
        let gates = b.linear(x, &[("in", 4 * hidden)], Activation::None, None).unwrap();
        b.lstm(gates, "state").unwrap();
        let graph = b.finish();
        let batch = Batch { items: lens.len(), offsets: vec![offsets], floats: vec![take("x", rows * inputs, 3.0)], ..Batch::default() };
        let want: Vec<f64> = serde_json::from_value(case["states"].clone()).unwrap();
        for isa in Isa::available() {
            let found = CpuModel::new(graph.clone(), &file, isa).unwrap().run_shared(&batch).unwrap();
            assert_eq!(found.len(), want.len());
            let worst = found.iter().zip(&want).map(|(f, w)| (f64::from(*f) - w).abs()).fold(0.0, f64::max);
            assert!(worst <= TOLERANCE, "{name} on {}: off by {worst:.1e}", isa.name());
        }
    }
}
