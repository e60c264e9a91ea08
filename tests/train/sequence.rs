//! The sequence encoder: gradients against differences, the device's pass against the training pass.

use palate::math::rng::Rng;
use palate::rank::learned::sequence::{BlockLayout, SequenceEncoder, Shape};
use palate::rank::learned::terms::history_of;
use palate::train::sequence::gradient_error;
use palate::train::transformer::{Packed, forward};

/// Length of the error to the length of the gradient; the kinks of the feed-forward cost some of it.
const TOLERANCE: f64 = 3e-2;

#[test]
fn sequence_gradients_equal_central_differences() {
    for seed in [2, 3] {
        let error = gradient_error(seed, None);
        assert!(error < TOLERANCE, "full softmax: {error}");
    }
    let error = gradient_error(3, Some(&[0, 2, 4, 6, 8]));
    assert!(error < TOLERANCE, "sampled softmax: {error}");
}

#[test]
fn sequence_on_the_device_equals_training() {
    let shape = Shape { items: 30, dim: 8, heads: 2, blocks: 2, window: 6, hidden: 16 };
    let mut rng = Rng::new(5);
    let mut blocks: Vec<f32> =
        (0..shape.blocks * BlockLayout::new(&shape).len + 16).map(|_| (rng.normal() * 0.4) as f32).collect();
    blocks.iter_mut().for_each(|b| *b += 0.01);
    let table: Vec<i8> = (0..30 * 8).map(|_| (rng.normal() * 40.0).clamp(-127.0, 127.0) as i8).collect();
    let scales = vec![0.01; 30];
    let encoder = SequenceEncoder { shape, table: table.clone(), scales, blocks: blocks.clone() };
    let items = [3, 9, 9, 27, 1, 0, 14, 5];
    let floats: Vec<f32> = table.iter().map(|&v| f32::from(v) * 0.01).collect();
    // The window holds the latest six.
    let batch = Packed { tokens: items[2..].to_vec(), offsets: vec![0, 6] };
    let (states, _) = forward(&shape, &blocks, &floats, &batch, 0.0, None);
    let device = encoder.encode(&history_of(&items)).expect("a state");
    for (a, b) in states[5 * 8..].iter().zip(&device) {
        assert!((a - b).abs() < 1e-4, "{a} against {b}");
    }
    assert!(encoder.encode(&[]).is_none());
}
