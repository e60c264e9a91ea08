//! Score terms from meaning: what the visitor liked, what he did not, the words of a search or a situation.
//!
//! Interests are made by greedy leader clustering of the liked items' vectors (heaviest first; Hartigan 1975), so
//! that somebody who likes boots and teapots is not offered the mean of both.
//!
//! interest c over members i with weights w_i > 0:
//!   u_c = sum (w_i / w_1) v_i,  strength_c = confidence · (W_c / W_max)^0.25,  W_c = sum w_i
//!   draw(x) = max over c of strength_c · <u_c, x> / |u_c|
//! which splits by member into strength_c · (w_i / w_1) <v_i, x> / |u_c|. Dislikes push the same way with a negative sign,
//! and only items that are nearer to them than two random items are to each other.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::term::{Share, Term, settle};
use crate::error::Result;
use crate::history::{Event, Evidence};
use crate::index::catalog::Catalog;
use crate::math::sort::stable;
use crate::math::vector::{add_scaled, dot};

/// Most interests of either sign.
const MOST: usize = 8;
/// Share of the way from a random pair's cosine to 1 at which an item joins an interest.
const JOIN: f32 = 0.30;
/// How weaker interests fade: with W_c at a tenth of the largest, 0.56 of its strength.
const FADE: f32 = 0.25;
/// Total weight at which half of the confidence is reached: a few views count little, one like counts.
pub const HALF_CONFIDENCE: f32 = 0.25;
/// How strongly dislikes push, against likes that draw with 1.
const PUSH: f32 = 0.6;
/// Steps of a member's part in its interest's center.
const STEPS: f64 = 65536.0;
/// Most items that the catalog's mean is taken over.
const SAMPLE: usize = 4096;

/// What the catalog's vectors have in common.
#[derive(Debug, Clone)]
pub struct Spread {
    /// Mean vector, `[dim]`.
    pub mean: Vec<f32>,
    /// Mean cosine of two random items.
    pub typical: f32,
}

impl Spread {
    /// Over an even sample of the catalog.
    pub fn of(catalog: &Catalog) -> Spread {
        let step = catalog.len().div_ceil(SAMPLE).max(1);
        let mut mean = vec![0.0; catalog.dim()];
        let mut count = 0.0;
        for ordinal in (0..catalog.len()).step_by(step) {
            let ordinal = u32::try_from(ordinal).unwrap_or(u32::MAX);
            if catalog.has_vector(ordinal) {
                add_scaled(&mut mean, &catalog.vector(ordinal), 1.0);
                count += 1.0;
            }
        }
        if count > 0.0 {
            mean.iter_mut().for_each(|value| *value /= count);
        }
        // |mean|^2 is the mean cosine of all pairs, each item with itself included.
        let all = dot(&mean, &mean);
        let typical = if count > 1.0 { (all * count - 1.0) / (count - 1.0) } else { 0.0 };
        Spread { mean, typical: typical.clamp(0.0, 0.95) }
    }
}

/// One item that the visitor said something about.
#[derive(Debug, Clone)]
pub struct Member {
    pub ordinal: u32,
    /// Net weight; its sign is the interest's.
    pub weight: f32,
    /// The same before rounding.
    exact: f64,
    /// Its part in the interest's center: its weight over the leader's.
    part: f32,
    /// The events behind it with their weights.
    pub events: Vec<Evidence>,
    vector: Vec<f32>,
}

/// Items of like meaning that the visitor judged alike.
#[derive(Debug, Clone)]
pub struct Interest {
    /// Heaviest first.
    pub members: Vec<Member>,
    /// Sum of the members' weights, positive for either sign.
    pub weight: f32,
    sum: Vec<f32>,
}

impl Interest {
    /// The sum of the members' vectors by their weights against the leader's, `[dim]`; not of unit length.
    pub fn center(&self) -> &[f32] {
        &self.sum
    }
}

/// What the device believes about the visitor's taste, as far as the catalog's vectors can say it.
#[derive(Debug, Clone, Default)]
pub struct Taste {
    /// Heaviest first.
    pub likes: Vec<Interest>,
    pub dislikes: Vec<Interest>,
}

impl Taste {
    /// Groups weighed events by item and items by meaning. Events of items that the catalog does not have, or has
    /// without a vector, are left out.
    pub fn of(catalog: &Catalog, spread: &Spread, events: &[Event], evidence: &[Evidence]) -> Taste {
        let mut places: HashMap<u32, usize> = HashMap::new();
        let mut members: Vec<Member> = Vec::new();
        for found in evidence {
            let Some(event) = events.get(found.event) else { continue };
            let Some(ordinal) = catalog.ordinal(&event.item).filter(|&ordinal| catalog.has_vector(ordinal)) else { continue };
            let place = *places.entry(ordinal).or_insert_with(|| {
                members.push(Member { ordinal, weight: 0.0, exact: 0.0, part: 0.0, events: Vec::new(), vector: catalog.vector(ordinal) });
                members.len() - 1
            });
            members[place].exact += found.weight;
            members[place].weight = members[place].exact as f32;
            members[place].events.push(found.clone());
        }
        let by_weight = |a: &Member, b: &Member| {
            b.weight.abs().total_cmp(&a.weight.abs()).then_with(|| catalog.key(a.ordinal).cmp(catalog.key(b.ordinal)))
        };
        stable(&mut members, &by_weight);
        let (likes, rest): (Vec<_>, Vec<_>) = members.into_iter().partition(|member| member.weight > 1e-6);
        let dislikes = rest.into_iter().filter(|member| member.weight < -1e-6).collect();
        let join = spread.typical + JOIN * (1.0 - spread.typical);
        Taste { likes: cluster(likes, join), dislikes: cluster(dislikes, join) }
    }
}

impl Taste {
    /// Directions that something is known of, with the weight behind each: likes, then dislikes.
    pub fn known(&self) -> impl Iterator<Item = (&[f32], f32)> {
        self.likes.iter().chain(&self.dislikes).map(|interest| (interest.center(), interest.weight))
    }
}

fn cluster(members: Vec<Member>, join: f32) -> Vec<Interest> {
    let mut interests: Vec<Interest> = Vec::new();
    for mut member in members {
        let near = |interest: &Interest| dot(&interest.sum, &member.vector) / norm(&interest.sum).max(1e-6);
        let best = interests.iter().map(near).enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
        let place = match best {
            Some((place, cosine)) if cosine >= join || interests.len() >= MOST => place,
            _ => {
                interests.push(Interest { members: Vec::new(), weight: 0.0, sum: vec![0.0; member.vector.len()] });
                interests.len() - 1
            }
        };
        let interest = &mut interests[place];
        // Parts, not weights, and in steps: as time goes by all weights fade alike, and the center stays what it is, to the bit.
        let leader = interest.members.first().map_or(member.exact, |leader| leader.exact);
        member.part = ((member.exact / leader * STEPS).round() / STEPS) as f32;
        add_scaled(&mut interest.sum, &member.vector, member.part);
        interest.weight += member.weight.abs();
        interest.members.push(member);
    }
    // Stable: equal weights stay in the order of their leaders.
    stable(&mut interests, &|a, b| b.weight.total_cmp(&a.weight));
    interests
}

/// The term of interests of one sign: every item by the interest that is nearest to it.
pub struct Pull {
    name: &'static str,
    interests: Vec<Interest>,
    /// Signed factor of each interest.
    factors: Vec<f32>,
    /// Cosine below which nothing is added.
    floor: f32,
    /// The addend of each item: the largest factor · cosine, `[items]`.
    best: Vec<f32>,
    /// Cosines of each interest with every item.
    cosines: Vec<Arc<Vec<f32>>>,
    catalog: Rc<Catalog>,
}

impl Pull {
    /// What the visitor likes. `weight` scales the whole term.
    pub fn likes(catalog: &Rc<Catalog>, taste: &Taste, weight: f32) -> Result<Pull> {
        Pull::new("liked", catalog, &taste.likes, weight, -1.0)
    }

    /// What the visitor does not like.
    pub fn dislikes(catalog: &Rc<Catalog>, taste: &Taste, spread: &Spread, weight: f32) -> Result<Pull> {
        Pull::new("disliked", catalog, &taste.dislikes, -PUSH * weight, spread.typical)
    }

    fn new(name: &'static str, catalog: &Rc<Catalog>, interests: &[Interest], weight: f32, floor: f32) -> Result<Pull> {
        let most = interests.first().map_or(0.0, |interest| interest.weight);
        let confidence = most / (most + HALF_CONFIDENCE);
        let count = catalog.len();
        // Below the floor nothing is added; without one every cosine counts.
        let least = if floor < 0.0 { f32::NEG_INFINITY } else { 0.0 };
        let floor = floor.max(0.0);
        let mut best = vec![least; count];
        let mut factors = Vec::with_capacity(interests.len());
        let centers: Vec<&[f32]> = interests.iter().map(Interest::center).collect();
        let cosines = catalog.cosines(&centers)?;
        for (interest, cosines) in interests.iter().zip(&cosines) {
            let strength = confidence * (interest.weight / most).powf(FADE);
            for (best, cosine) in best.iter_mut().zip(cosines.iter()) {
                let value = strength * (cosine - floor);
                *best = if value > *best { value } else { *best };
            }
            factors.push(strength * weight);
        }
        best.iter_mut().for_each(|value| *value = if *value == f32::NEG_INFINITY { 0.0 } else { weight * *value });
        Ok(Pull { name, interests: interests.to_vec(), factors, floor, best, cosines, catalog: catalog.clone() })
    }
}

impl Term for Pull {
    fn name(&self) -> &'static str {
        self.name
    }

    fn add_to(&self, scores: &mut [f32]) {
        for (score, value) in scores.iter_mut().zip(&self.best) {
            *score += value;
        }
    }

    fn split(&self, ordinal: u32) -> Vec<Share> {
        let at = ordinal as usize;
        let total = self.best.get(at).copied().unwrap_or(0.0);
        if total == 0.0 {
            return Vec::new();
        }
        // The interest that gave the addend: the first of the largest.
        let value = |place: &usize| self.factors[*place].abs() * (self.cosines[*place].get(at).copied().unwrap_or(0.0) - self.floor);
        let which = (0..self.interests.len()).reduce(|best, place| if value(&place) > value(&best) { place } else { best });
        let Some(place) = which else { return Vec::new() };
        let (interest, factor) = (&self.interests[place], self.factors[place]);
        let vector = self.catalog.vector(ordinal);
        let length = norm(&interest.sum).max(1e-6) * norm(&vector).max(1e-6);
        let mut shares = Vec::new();
        for member in &interest.members {
            // The floor is shared out by weight, so that the amounts still sum to the addend.
            let raw = member.part * dot(&member.vector, &vector) / length;
            let amount = factor * (raw - self.floor * member.weight.abs() / interest.weight);
            for event in &member.events {
                shares.push(Share { event: Some(event.event), amount: amount * event.weight as f32 / member.weight });
            }
        }
        settle(shares, total)
    }
}

/// The term of a direction that no event gave: words, a picture, another item.
pub struct Toward {
    name: &'static str,
    weight: f32,
    cosines: Vec<f32>,
}

impl Toward {
    /// `weight` times the cosine of `query` (`[dim]`) with each item.
    pub fn new(name: &'static str, catalog: &Catalog, query: &[f32], weight: f32) -> Result<Toward> {
        let mut cosines = vec![0.0; catalog.len()];
        catalog.scan(query, &mut cosines)?;
        Ok(Toward::of(name, cosines, weight))
    }

    /// The same of cosines that are known, `[items]`.
    pub fn of(name: &'static str, cosines: Vec<f32>, weight: f32) -> Toward {
        Toward { name, weight, cosines }
    }
}

impl Term for Toward {
    fn name(&self) -> &'static str {
        self.name
    }

    fn add_to(&self, scores: &mut [f32]) {
        for (score, cosine) in scores.iter_mut().zip(&self.cosines) {
            *score += self.weight * cosine;
        }
    }

    fn split(&self, ordinal: u32) -> Vec<Share> {
        let cosine = self.cosines.get(ordinal as usize).copied().unwrap_or(0.0);
        vec![Share { event: None, amount: self.weight * cosine }]
    }
}

fn norm(a: &[f32]) -> f32 {
    dot(a, a).sqrt()
}
