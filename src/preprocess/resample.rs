//! A sound at another rate: a windowed sinc whose band ends below both rates' halves.
//!
//! Smith, "Digital Audio Resampling Home Page" (the bandlimited interpolation of resampy and libresample): the sinc stands in a
//! table, between whose entries is interpolated, so that any two rates go together and memory does not depend on them. In a page
//! the browser resamples while it decodes; this is for native sounds and for samples that a page has already.

/// Zero crossings on each side, table entries between two of them, share of the band that is kept, and the Kaiser window's beta:
/// what is above the band is 100 dB down.
const CROSSINGS: usize = 48;
const ENTRIES: usize = 512;
const ROLLOFF: f64 = 0.95;
const BETA: f64 = 11.0;

/// The samples at `to` a second of what has `from` a second; as many as its time holds.
pub fn resample(samples: &[f32], from: u32, to: u32) -> Vec<f32> {
    if from == to {
        return samples.to_vec();
    }
    let table = table();
    // Of the sinc, crossings a sample of the input: fewer than one where the output's rate is the lower one.
    let pace = ROLLOFF * (f64::from(to) / f64::from(from)).min(1.0);
    let reach = CROSSINGS as f64 / pace;
    let count = (samples.len() as u64 * u64::from(to)).div_ceil(u64::from(from)) as usize;
    (0..count)
        .map(|at| {
            let center = at as f64 * f64::from(from) / f64::from(to);
            let first = (center - reach).ceil().max(0.0) as usize;
            let end = ((center + reach).floor() as usize + 1).min(samples.len());
            let mut sum = 0.0;
            for (k, sample) in samples.iter().enumerate().take(end).skip(first) {
                let place = (center - k as f64).abs() * pace * ENTRIES as f64;
                let (low, part) = (place as usize, place.fract());
                if let Some(&[a, b]) = table.get(low..low + 2) {
                    sum += f64::from(*sample) * (a + (b - a) * part);
                }
            }
            (sum * pace) as f32
        })
        .collect()
}

/// One side of the windowed sinc.
fn table() -> Vec<f64> {
    let count = CROSSINGS * ENTRIES;
    let entry = |at: usize| {
        let x = std::f64::consts::PI * at as f64 / ENTRIES as f64;
        let sinc = if at == 0 { 1.0 } else { x.sin() / x };
        let inside = 1.0 - (at as f64 / count as f64).powi(2);
        sinc * bessel(BETA * inside.max(0.0).sqrt()) / bessel(BETA)
    };
    (0..=count).map(entry).collect()
}

/// The modified Bessel function of order zero, by its series.
fn bessel(x: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for k in 1..64 {
        term *= (x / (2.0 * f64::from(k))).powi(2);
        sum += term;
    }
    sum
}
