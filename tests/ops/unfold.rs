//! `Op::Unfold`.

use super::{Numbers, loops, oblong_windows, windows};
use palate::compute::cpu::unfold::unfold;
use palate::compute::graph::Window;

#[test]
fn unfold_copies_what_the_window_sees() {
    for (seed, (w, items, channels)) in windows().into_iter().chain(oblong_windows()).enumerate() {
        let x = Numbers(seed as u64 + 5).take(items * w.inputs() * channels);
        let want = loops::unfold(&x, channels, &w);
        let mut out = vec![f32::NAN; want.len()];
        unfold(&x, channels, &w, &mut out);
        assert_eq!(out, want, "{w:?}");
    }
}

/// Sizes that PyTorch and TensorFlow give.
#[test]
fn unfold_windows_have_the_reference_sizes() {
    assert_eq!(Window::padded(224, 224, 32, 32, 0).outputs(), 49);
    let w = Window::padded(224, 224, 3, 2, 1);
    assert_eq!((w.out_height, w.top), (112, 1));
    // TensorFlow puts the one zero that 224 takes below.
    let w = Window::same(224, 224, 3, 2);
    assert_eq!((w.out_height, w.top), (112, 0));
    let w = Window::same(7, 5, 3, 2);
    assert_eq!((w.out_height, w.out_width, w.top, w.left), (4, 3, 1, 1));
}
