//! One addend of a score, and how it splits by the events that caused it.

/// A part of one item's addend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// Position of the event in the session's history; `None` for what no event caused (words, popularity).
    pub event: Option<usize>,
    pub amount: f32,
}

/// One addend of every item's score. A list's score is the sum of its terms, nothing else.
///
/// A term is made for one call: it knows the history that it was made from and has scanned what it needs.
pub trait Term {
    /// The name under which reasons show it.
    fn name(&self) -> &'static str;

    /// Adds this term to `scores` (`[items]`, by ordinal).
    fn add_to(&self, scores: &mut [f32]);

    /// Splits this term's addend for one item; the amounts sum to what [`Term::add_to`] added (to rounding).
    fn split(&self, ordinal: u32) -> Vec<Share>;
}

/// Scales `shares` so that they sum to `total` exactly as it was added: a scan over quantized rows and plain
/// arithmetic over the same rows differ by rounding.
pub fn settle(mut shares: Vec<Share>, total: f32) -> Vec<Share> {
    let sum: f32 = shares.iter().map(|share| share.amount).sum();
    if sum.abs() > 1e-3 * total.abs().max(1e-6) && (total / sum - 1.0).abs() < 0.1 {
        for share in &mut shares {
            share.amount *= total / sum;
        }
    } else if let Some(first) = shares.first_mut() {
        // Amounts that cancel out: the rounding goes to the first, which is the heaviest.
        first.amount += total - sum;
    }
    shares
}
