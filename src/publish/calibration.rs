//! Inputs of all sorts whose activations the quantizer calibrates by: texts, and pictures and sounds that a seed makes.

use crate::error::Result;
use crate::math::rng::Rng;
use crate::preprocess::{Picture, Sound};

/// Texts.
pub const TEXTS: [&str; 40] = [
    "",
    "!",
    "Yes.",
    "12",
    "a warm coat",
    "Red shoes for running on trails",
    "How do I bake bread at home?",
    "An epic film about the sea, with a great cast.",
    "Stainless steel kettle, 1.7 litres, cordless, with a filter.",
    "la vie est belle",
    "\u{4f60}\u{597d}",
    "a b c d e f g",
    "Best of jazz 1959",
    "The history of the Roman empire in ten short chapters, with maps and pictures.",
    "gift ideas under $20",
    "<p>html &amp; more</p>",
    "cat",
    "HELLO WORLD",
    "Wie komme ich zum Bahnhof?",
    "2024-05-17T08:30:00Z",
    "https://example.org/shop?item=42&color=blue",
    "\u{1f600}\u{1f389}",
    "???",
    "fn main() { println!(\"hi\"); }",
    "She opened the old letter slowly, afraid of what her brother might have written all those years ago.",
    "The board approved a dividend of 0.45 per share, payable to holders of record on the last day of March.",
    "Preheat the oven to 180 degrees, whisk three eggs with the sugar, fold in the flour and bake for half an hour.",
    "A quiet drama in which a retired teacher and a young mechanic restore a piano and, little by little, their trust in people.",
    "Wireless headphones with noise cancelling, thirty hours of battery, a folding frame and a case; black or sand.",
    "Photosynthesis turns light, water and carbon dioxide into sugar and oxygen; it takes place in the chloroplasts of green plants.",
    "Patients with a fever above 39 degrees, a stiff neck or trouble breathing should see a doctor at once.",
    "Goal in the last minute! The visitors came from behind twice and left with a point that nobody had expected of them.",
    "El perro duerme en la cocina mientras llueve.",
    "\u{41f}\u{440}\u{438}\u{432}\u{435}\u{442}, \u{43c}\u{438}\u{440}",
    "ice cream",
    "guitar lessons for beginners near me",
    "not bad at all",
    "The band's second record is louder, faster and sadder than the first, and it is all the better for it; the drums alone are worth the price.",
    "Dear customer, your parcel left our warehouse this morning and should be with you by Thursday. If nobody is at home, the driver leaves it with a neighbor. You can change the day or the place of the delivery until midnight.",
    "Old stone house with a garden, two rooms and a kitchen, ten minutes from the lake; no pets, no smoking, three nights at least.",
];

/// Words of everyday texts of all sorts, that [`more_texts`] makes texts of.
const WORDS: &str = "the of and a to in is it that for on with as was at by an be this from or are you not have but what all were \
    when we there can your which their said if do will each about how up out them then she many some so these would other into has more her \
    two like him see time could no make than first been its who now people my made over did down only way find use may water long little very \
    after words called just where most know get through back much before go good new write our used me man too any day same right look think \
    also around another came come work three word must because does part even place well such here take why things help put years different away \
    again off went old number great tell men say small every found still between name should home big give air line set own under read last never \
    us left end along while might next sound below saw something thought both few those always looked show large often together asked house world \
    going want school important until form food keep children feet land side without boy once animals life enough took sometimes four head above \
    kind began almost live page got earth need far hand high year mother light parts country father let night following picture being study second \
    eyes soon times story boys since white days ever paper hard near sentence better best across during today others however sure means knew try \
    told young miles sun ways thing whole hear example heard several change answer room sea against top turned learn point city play toward five \
    using himself usually money seen car morning red blue green black leather cotton steel wooden plastic phone screen battery camera price cheap \
    music song guitar piano dance film actor director drama comedy novel poem author history war peace king queen president law court police crime \
    doctor hospital medicine heart blood cancer virus health sport football goal team player coach match race bike running shoes jacket dress shirt \
    kitchen bread cheese coffee tea wine sugar salt oven recipe garden flower tree river mountain forest snow rain summer winter train airport hotel \
    travel beach island language english french german spanish chinese science physics energy atom planet star computer software code internet data \
    network market bank stock tax company office job salary customer service order delivery review quality color size design modern vintage gift \
    birthday wedding family baby dog cat horse bird fish";

/// How many texts [`more_texts`] makes beside [`TEXTS`].
const GENERATED: usize = 400;

/// [`TEXTS`] and words that a seed draws, half of them from one stretch of the list: rounding to four bits makes up for its
/// losses with more of the inputs' moments than a few texts tell.
pub fn more_texts() -> Vec<String> {
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut rng = Rng::new(5);
    let mut all: Vec<String> = TEXTS.iter().map(|text| text.to_string()).collect();
    for _ in 0..GENERATED {
        let (count, near) = (3 + rng.below(38), rng.below(words.len()));
        let drawn = (0..count).map(|_| if rng.unit() < 0.5 { words[rng.below(words.len())] } else { words[(near + rng.below(30)) % words.len()] });
        all.push(drawn.collect::<Vec<_>>().join(" "));
    }
    all
}

/// Side of a calibration picture in pixels, and how many there are.
const SIDE: usize = 256;
const PICTURES: u64 = 24;

/// Pictures: noise as smooth as photographs are (amplitudes that fall with the frequency), and colored shapes on it or on white.
///
/// # Errors
/// [`Error::Input`](crate::Error::Input) never: the size is fixed.
pub fn pictures() -> Result<Vec<Picture>> {
    (0..PICTURES).map(|seed| Picture::from_rgb(SIDE, SIDE, draw(&mut Rng::new(seed)))).collect()
}

fn draw(rng: &mut Rng) -> Vec<u8> {
    let plain = rng.unit() < 0.3;
    let mut canvas: Vec<[f64; 3]> = if plain { vec![[255.0; 3]; SIDE * SIDE] } else { clouds(rng) };
    for _ in 0..rng.below(9) {
        let color: [f64; 3] = std::array::from_fn(|_| rng.unit() * 255.0);
        let (cx, cy) = (rng.unit() * SIDE as f64, rng.unit() * SIDE as f64);
        let (rx, ry) = (4.0 + rng.unit() * 80.0, 4.0 + rng.unit() * 80.0);
        let (round, stripes) = (rng.unit() < 0.5, rng.unit() < 0.3);
        for (at, pixel) in canvas.iter_mut().enumerate() {
            let (x, y) = (((at % SIDE) as f64 - cx) / rx, ((at / SIDE) as f64 - cy) / ry);
            let inside = if round { x * x + y * y < 1.0 } else { x.abs() < 1.0 && y.abs() < 1.0 };
            if inside && !(stripes && ((x + y) * 6.0).floor() as i64 % 2 == 0) {
                *pixel = color;
            }
        }
    }
    canvas.iter().flatten().map(|v| v.clamp(0.0, 255.0) as u8).collect()
}

/// Sums of random grids, each finer and fainter than the last, blended between their points.
fn clouds(rng: &mut Rng) -> Vec<[f64; 3]> {
    let base: [f64; 3] = std::array::from_fn(|_| 60.0 + rng.unit() * 140.0);
    let mut canvas = vec![base; SIDE * SIDE];
    let mut strength = 60.0 + rng.unit() * 60.0;
    for cells in [2usize, 4, 8, 16, 32, 64, 128] {
        let grid: Vec<[f64; 3]> = (0..(cells + 1) * (cells + 1))
            .map(|_| {
                let gray = rng.normal();
                std::array::from_fn(|_| strength * (0.7 * gray + 0.3 * rng.normal()))
            })
            .collect();
        for (at, pixel) in canvas.iter_mut().enumerate() {
            let place = |n: usize| (n as f64 * cells as f64 / SIDE as f64).min(cells as f64 - 1e-9);
            let (x, y) = (place(at % SIDE), place(at / SIDE));
            let corner = y as usize * (cells + 1) + x as usize;
            let (tx, ty) = (x.fract(), y.fract());
            for (c, value) in pixel.iter_mut().enumerate() {
                let top = grid[corner][c] * (1.0 - tx) + grid[corner + 1][c] * tx;
                let bottom = grid[corner + cells + 1][c] * (1.0 - tx) + grid[corner + cells + 2][c] * tx;
                *value += top * (1.0 - ty) + bottom * ty;
            }
        }
        strength *= 0.6;
    }
    canvas
}

/// How many calibration sounds there are, and their seconds: as long as the longest patch.
const SOUNDS: u64 = 24;
const SECONDS: f64 = 10.5;

/// Sounds of `rate` samples a second: noise whose color drifts, tones with overtones that come and go, clicks, and pauses.
///
/// # Errors
/// [`Error::Input`](crate::Error::Input) for a rate that no sound has.
pub fn sounds(rate: u32) -> Result<Vec<Sound>> {
    (0..SOUNDS).map(|seed| Sound::from_mono(rate, compose(&mut Rng::new(seed), f64::from(rate)))).collect()
}

fn compose(rng: &mut Rng, rate: f64) -> Vec<f32> {
    let count = (SECONDS * rate) as usize;
    let mut sound = vec![0.0f64; count];
    // Noise through a one-pole filter.
    let (level, color) = (0.3 * rng.unit().powi(3), 0.99 * rng.unit());
    let mut last = 0.0;
    for sample in &mut sound {
        last = color * last + (1.0 - color) * rng.normal();
        *sample = level * last;
    }
    for _ in 0..rng.below(14) {
        let (start, length) = (rng.unit() * SECONDS, 0.05 + rng.unit() * 2.0);
        let (pitch, bend) = (60.0 * 2f64.powf(rng.unit() * 6.5), 0.3 * rng.normal());
        let (loud, overtones, decay) = (0.3 * rng.unit(), 1 + rng.below(8), 3.0 * rng.unit());
        let (from, to) = ((start * rate) as usize, (((start + length) * rate) as usize).min(count));
        for (at, sample) in sound.iter_mut().enumerate().take(to).skip(from) {
            let t = at as f64 / rate - start;
            let edge = (t / 0.01).min(1.0) * ((length - t) / 0.01).clamp(0.0, 1.0);
            let phase = std::f64::consts::TAU * pitch * (t + bend * t * t / 2.0);
            let tones = (1..=overtones).filter(|&n| pitch * n as f64 * 2.0 < rate);
            *sample += loud * edge * (-decay * t).exp() * tones.map(|n| (phase * n as f64).sin() / n as f64).sum::<f64>();
        }
    }
    if rng.unit() < 0.4 {
        let from = (rng.unit() * count as f64) as usize;
        let to = (from + (rng.unit() * rate * 3.0) as usize).min(count);
        sound[from..to].fill(0.0);
    }
    sound.iter().map(|v| v.clamp(-1.0, 1.0) as f32).collect()
}
