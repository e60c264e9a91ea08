//! Sound files as bytes: WAV of given samples, and MP3 frames written bit by bit, as no encoder is at hand.

/// A WAV of 16-bit samples, `[samples, channels]` interleaved.
pub fn wav(rate: u32, channels: u16, samples: &[f32]) -> Vec<u8> {
    let data: Vec<u8> = samples.iter().flat_map(|s| ((s.clamp(-1.0, 1.0) * 32_767.0) as i16).to_le_bytes()).collect();
    let mut out = Vec::from(*b"RIFF");
    out.extend((36 + data.len() as u32).to_le_bytes());
    out.extend(b"WAVEfmt \x10\0\0\0\x01\0");
    out.extend(channels.to_le_bytes());
    out.extend(rate.to_le_bytes());
    out.extend((rate * u32::from(channels) * 2).to_le_bytes());
    out.extend((channels * 2).to_le_bytes());
    out.extend(b"\x10\0data");
    out.extend((data.len() as u32).to_le_bytes());
    out.extend(data);
    out
}

/// Samples a second of [`described`].
pub const RATE: u32 = 16_000;
/// What words of the tiny text model mean: a pitch in hertz, beats a second (0: steady), and a timbre.
const PITCHES: [(&str, f64); 5] = [("warm", 150.0), ("wood", 350.0), ("green", 800.0), ("blue", 1800.0), ("light", 4000.0)];
const BEATS: [(&str, f64); 5] = [("wool", 0.0), ("tea", 1.5), ("boots", 3.0), ("lamp", 6.0), ("snow", 12.0)];
const TIMBRES: [&str; 4] = ["oak", "leaf", "cup", "chair"];

/// A hundred texts of three words each and a sound of two seconds that they describe: every pitch with every beat and timbre (a
/// tone, a buzz, a tone that wavers, noise around the pitch), each of its own loudness and phase, in some hiss.
pub fn described() -> Vec<(String, Vec<f32>)> {
    let mut chance = super::Seeded(11);
    let mut all = Vec::new();
    for (pitch, hertz) in PITCHES {
        for (beat, beats) in BEATS {
            for (kind, timbre) in TIMBRES.into_iter().enumerate() {
                let mut unit = || f64::from(chance.signed()) * 0.5 + 0.5;
                let (hertz, level, phase) = (hertz * (0.94 + 0.12 * unit()), 0.2 + 0.5 * unit(), unit());
                let (mut low, mut high) = (0.0f64, 0.0f64);
                let sample = |at: usize| {
                    let t = at as f64 / f64::from(RATE);
                    let turns = t * hertz + phase;
                    let noise = f64::from(chance.signed());
                    let wave = match kind {
                        0 => (std::f64::consts::TAU * turns).sin(),
                        1 => 2.0 * turns.fract() - 1.0,
                        2 => (std::f64::consts::TAU * turns + 0.04 * hertz * (std::f64::consts::TAU * 5.0 * t).sin()).sin(),
                        _ => {
                            // A resonance (Chamberlin's state variable filter) rings at the pitch.
                            let f = 2.0 * (std::f64::consts::PI * hertz / f64::from(RATE)).sin();
                            low += f * high;
                            high += f * (noise - low - 0.15 * high);
                            0.3 * high
                        }
                    };
                    let open = beats == 0.0 || (t * beats + phase).fract() < 0.5;
                    (level * if open { wave } else { 0.0 } + 0.01 * noise) as f32
                };
                all.push((format!("{pitch} {beat} {timbre}"), (0..2 * RATE as usize).map(sample).collect()));
            }
        }
    }
    all
}

/// Bits that become bytes.
#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    fn put(&mut self, value: u32, count: u32) {
        self.0.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.chunks(8).map(|byte| byte.iter().enumerate().fold(0, |sum, (at, &bit)| sum | u8::from(bit) << (7 - at))).collect()
    }
}

/// One frame of an MP3 (MPEG-1 Layer III, 32 kbit/s, 44.1 kHz, mono, 104 bytes, 1152 samples): both granules sound the two
/// spectral lines at `pair`, 38 Hz times its number, at a moderate level. ISO/IEC 11172-3, 2.4.1.
pub fn mp3_frame(pair: u32) -> Vec<u8> {
    let mut side = Bits::default();
    // Where the main data begins, private bits, and which scale factors are shared.
    side.put(0, 9 + 5 + 4);
    let bits = pair + 5;
    for _ in 0..2 {
        side.put(bits, 12);
        side.put(pair + 1, 9);
        // 2^((194 - 210) / 4): a sixteenth of full scale.
        side.put(194, 8);
        // No scale factors, no other windows; all regions by table 1.
        side.put(0, 4 + 1);
        [1, 1, 1].into_iter().for_each(|table| side.put(table, 5));
        side.put(0, 4 + 3 + 1 + 1 + 1);
    }
    let mut main = Bits::default();
    for _ in 0..2 {
        // Table 1: `1` is (0, 0), `000` is (1, 1) and two signs follow.
        (0..pair).for_each(|_| main.put(1, 1));
        main.put(0, 5);
    }
    let mut frame = vec![0xff, 0xfb, 0x10, 0xc0];
    frame.extend(side.bytes());
    frame.extend(main.bytes());
    frame.resize(104, 0);
    frame
}
