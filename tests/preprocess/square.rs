//! Spectrograms as square pictures.

use palate::preprocess::square::Square;

/// A square that needs no stretching is the spectrogram's numbers in another order.
#[test]
fn square_stands_pieces_of_time_one_below_the_other() {
    let (side, bins) = (6, 2);
    let square = Square { side, scale: vec![2.0, -1.0], shift: vec![0.5, 3.0] };
    let spectrogram: Vec<f32> = (0..18 * bins).map(|v| v as f32).collect();
    let found = square.of(&spectrogram);
    for (at, &value) in found.iter().enumerate() {
        let (piece, bin, column) = (at / side / bins, at / side % bins, at % side);
        let x = spectrogram[(piece * side + column) * bins + bin];
        assert_eq!(value, x * square.scale[bin] + square.shift[bin], "at {at}");
    }
}

/// A slope of 9 frames over 16: `torch.nn.functional.interpolate(mode="bicubic", align_corners=True)`.
const SLOPE: [f64; 16] =
    [0.0, 0.437926, 1.09363, 1.576, 2.175704, 2.62963, 3.248, 3.687704, 4.312296, 4.752, 5.37037, 5.824296, 6.424, 6.90637, 7.562074, 8.0];

/// As the reference does it, constants stay, and nothing is invented from one frame.
#[test]
fn square_stretches_time_from_end_to_end() {
    let square = Square { side: 8, scale: vec![1.0; 4], shift: vec![0.0; 4] };
    let spectrogram: Vec<f32> = (0..9).flat_map(|frame| [frame as f32, 1.0, -(frame as f32), 0.0]).collect();
    let found = square.of(&spectrogram);
    let line = |bin: usize| (0..16).map(|at| found[(at / 8 * 4 + bin) * 8 + at % 8]).collect::<Vec<f32>>();
    let slope = line(0);
    assert!(slope.iter().zip(SLOPE).all(|(found, want)| (f64::from(*found) - want).abs() < 2e-6), "{slope:?}");
    assert!(line(1).iter().all(|v| (v - 1.0).abs() < 1e-6) && line(3).iter().all(|v| *v == 0.0));
    assert!(slope.iter().zip(line(2)).all(|(a, b)| *a == -b));
    let one = Square { side: 4, scale: vec![1.0; 2], shift: vec![0.0; 2] }.of(&[3.0, 5.0]);
    assert!(one.chunks(4).enumerate().all(|(at, row)| row.iter().all(|&v| v == [3.0, 5.0][at % 2])));
}
