//! What a sliding window sees, one row an output position.

use crate::compute::graph::Window;

/// `x` is `[items * inputs, channels]`, `out` `[items * outputs, kernel * kernel_width * channels]`; zeros outside of the image.
pub fn unfold(x: &[f32], channels: usize, w: &Window, out: &mut [f32]) {
    let line = w.kernel_width * channels;
    let images = x.chunks_exact(w.inputs() * channels).zip(out.chunks_exact_mut(w.outputs() * w.kernel * line));
    for (image, unfolded) in images {
        for (position, row) in unfolded.chunks_exact_mut(w.kernel * line).enumerate() {
            let [rows, cols] = spans(w, position);
            row.fill(0.0);
            for ky in rows.first..rows.end {
                let from = &image[((rows.start + ky - rows.first) * w.width + cols.start) * channels..][..(cols.end - cols.first) * channels];
                row[ky * line + cols.first * channels..][..from.len()].copy_from_slice(from);
            }
        }
    }
}

/// The taps of a window along one axis that lie within the image.
pub(super) struct Span {
    /// The first such tap, and the one behind the last.
    pub first: usize,
    pub end: usize,
    /// Where in the image the first is.
    pub start: usize,
}

/// The lines and columns that the window of output `position` sees.
pub(super) fn spans(w: &Window, position: usize) -> [Span; 2] {
    let span = |at: usize, kernel: usize, before: usize, length: usize| {
        let first = before.saturating_sub(at * w.stride).min(kernel);
        let start = (at * w.stride + first).saturating_sub(before);
        Span { first, end: first + length.saturating_sub(start).min(kernel - first), start }
    };
    [span(position / w.out_width, w.kernel, w.top, w.height), span(position % w.out_width, w.kernel_width, w.left, w.width)]
}
