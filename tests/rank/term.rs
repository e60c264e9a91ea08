//! Shares always sum to what was added.

use palate::rank::term::{Share, settle};

fn share(amount: f32) -> Share {
    Share { event: Some(0), amount }
}

#[test]
fn term_shares_sum_to_the_addend() {
    for (amounts, total) in [(vec![0.5, 0.3], 0.81), (vec![1.0, -1.0001], 0.02), (vec![0.0], 0.1), (vec![-0.2, -0.1], -0.301)] {
        let settled = settle(amounts.into_iter().map(share).collect(), total);
        let sum: f32 = settled.iter().map(|share| share.amount).sum();
        assert!((sum - total).abs() < 1e-6, "{sum} for {total}");
    }
}
