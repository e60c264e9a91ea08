//! How terms are joined: what many validation cases say, and what few ones do.

use std::sync::Arc;

use palate::evaluate::dataset::Sequence;
use palate::evaluate::split::Case;
use palate::math::rng::Rng;
use palate::rank::learned::blend::Scale;
use palate::rank::learned::terms::{Seen, Shares, Term};
use palate::train::blend::Tables;

const ITEMS: usize = 60;

/// Scores made up for each person: person u's history is item u alone.
struct Told {
    scores: Vec<Vec<f32>>,
}

impl Term for Told {
    fn name(&self) -> &str {
        "told"
    }
    fn items(&self) -> usize {
        self.scores[0].len()
    }
    fn download_bytes(&self) -> usize {
        0
    }
    fn add(&self, history: &[Seen], gain: f32, out: &mut [f32]) {
        out.iter_mut().zip(&self.scores[history[0].item as usize]).for_each(|(o, s)| *o += gain * s);
    }
    fn shares(&self, _: &[Seen], _: u32) -> Shares {
        Shares::default()
    }
}

/// `people` with a target each among the last [`ITEMS`] items; term t sees it `signals[t]` above its noise, on a scale of its own.
fn world(people: usize, signals: &[f64]) -> (Vec<Arc<dyn Term>>, Vec<Case>) {
    let mut rng = Rng::new(3);
    let mut scores = vec![Vec::new(); signals.len()];
    let mut cases = Vec::new();
    for person in 0..people {
        let target = people + rng.below(ITEMS);
        for (t, signal) in signals.iter().enumerate() {
            let scale = 10f64.powi(t as i32);
            scores[t].push((0..people + ITEMS).map(|item| match item {
                _ if item < people => 0.0,
                _ => (scale * (rng.normal() + if item == target { *signal } else { 0.0 })) as f32,
            }).collect());
        }
        let history = Sequence { user: person as u32, items: vec![person as u32], ..Sequence::default() };
        cases.push(Case { history, targets: vec![target as u32] });
    }
    (scores.into_iter().map(|scores| Arc::new(Told { scores }) as Arc<dyn Term>).collect(), cases)
}

#[test]
fn blend_of_two_equal_terms_is_even_and_better_than_each() {
    for people in [60, 600] {
        let (terms, cases) = world(people, &[1.5, 1.5]);
        let tables = Tables::new(&terms, &cases, None, Scale::Raw);
        let (gains, reached) = tables.fit(&[true, true]);
        // The second term's scores are ten times as large.
        let even = f64::from(gains[0] / gains[1]) / 10.0;
        assert!((0.5..2.0).contains(&even), "{people}: {gains:?}");
        assert!(reached > 1.1 * tables.alone(0) && reached > 1.1 * tables.alone(1), "{people}: {reached}");
        assert_eq!(gains.iter().copied().fold(0.0, f32::max), 1.0);
    }
}

#[test]
fn blend_leaves_noise_out_and_takes_what_is_allowed() {
    let (terms, cases) = world(800, &[1.5, 0.0, 1.5]);
    let tables = Tables::new(&terms, &cases, None, Scale::Raw);
    let (gains, _) = tables.fit(&[true; 3]);
    assert!(gains[1] * 10.0 < 0.1 * gains[0], "{gains:?}");
    let (gains, reached) = tables.fit(&[true, true, false]);
    assert!(gains[0] == 1.0 && gains[2] == 0.0 && reached >= tables.alone(0), "{gains:?}");
    assert_eq!(tables.fit(&[true; 3]), tables.fit(&[true; 3]));
}
