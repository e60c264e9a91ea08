//! What shipping costs: int8 top-50 rows against the dense matrix, int8 factors against floats.

use palate::evaluate::judge::judge;
use palate::evaluate::metrics::ndcg;
use palate::math::rng::Rng;
use palate::math::topk::top_k;
use palate::rank::learned::neighbors::Neighbors;
use palate::rank::learned::sparse::SparseRows;
use palate::rank::learned::terms::{Term, history_of};
use palate::train::ease::ease;
use palate::train::matrix::Csr;

/// Loss of NDCG@10 and overlap of the first ten that the device may cost.
const LOST: f64 = 0.02;
const OVERLAP: f64 = 0.95;

/// People with two of 100 interests over 2,000 items, popular ones first.
fn people(users: usize, seed: u64) -> Vec<Vec<u32>> {
    let mut rng = Rng::new(seed);
    (0..users)
        .map(|_| {
            let mut items: Vec<u32> = Vec::new();
            for _ in 0..2 {
                let interest = rng.below(100) as u32;
                for _ in 0..8 {
                    let within = (20.0 * rng.unit() * rng.unit()) as u32;
                    let item = if rng.unit() < 0.1 { rng.below(2000) as u32 } else { interest * 20 + within };
                    if !items.contains(&item) {
                        items.push(item);
                    }
                }
            }
            items
        })
        .collect()
}

#[test]
fn sparse_int8_rows_keep_the_ranking() {
    let (train, test) = (people(6000, 1), people(300, 2));
    let mut x = Csr::new(2000);
    train.iter().for_each(|items| x.push_row(items.iter().map(|&i| (i, 1.0))));
    let dense = ease(&x, 50.0).expect("ease");
    let device =
        Neighbors { name: "ease".into(), weights: SparseRows::from_dense_with_base(&dense, 2000, 50), tau: f32::INFINITY, window: usize::MAX };
    let (mut exact, mut shipped, mut overlap) = (0.0, 0.0, 0.0);
    for items in &test {
        let (targets, history) = items.split_at(3);
        let mut scores = vec![0f32; 2000];
        for &i in history {
            scores.iter_mut().zip(&dense[i as usize * 2000..]).for_each(|(s, w)| *s += w);
        }
        let mut device = device.scores(&history_of(history));
        for &i in history {
            scores[i as usize] = f32::NEG_INFINITY;
            device[i as usize] = f32::NEG_INFINITY;
        }
        exact += ndcg(&judge(&scores, targets, 0).ranks, 10);
        shipped += ndcg(&judge(&device, targets, 0).ranks, 10);
        let (a, b) = (top_k(&scores, 10), top_k(&device, 10));
        overlap += a.iter().filter(|i| b.contains(i)).count() as f64 / 10.0 / test.len() as f64;
    }
    assert!(exact / test.len() as f64 > 0.05, "the data can be predicted: {exact}");
    assert!(shipped > (1.0 - LOST) * exact, "{shipped} against {exact}");
    assert!(overlap >= OVERLAP, "overlap {overlap}");
}

#[test]
fn sparse_rows_survive_their_parts_and_refuse_broken_ones() {
    let rows = SparseRows::from_dense(&[0.0, 2.0, -1.0, 0.5, 0.0, 0.0], 3, 2);
    assert_eq!(rows.entries(), 3);
    assert!((rows.get(0, 1) - 2.0).abs() < 0.02 && rows.get(1, 2) == 0.0);
    let (offsets, indices, values, scales) = rows.parts();
    let again = |offsets: Vec<u32>, indices: Vec<u32>| {
        SparseRows::from_parts(3, offsets, indices, values.to_vec(), scales.to_vec(), vec![])
    };
    assert_eq!(again(offsets.to_vec(), indices.to_vec()), Some(rows.clone()));
    assert_eq!(again(vec![0, 9, 3], indices.to_vec()), None);
    assert_eq!(again(offsets.to_vec(), vec![1, 2, 3]), None);
    assert_eq!(again(offsets.to_vec(), vec![2, 1, 0]), None);
}
