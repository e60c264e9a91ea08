//! Metrics of the recommended lists: coverage, concentration, novelty, diversity, serendipity, calibration, popularity.
//!
//! Not here: metrics of the targets' ranks (`metrics`).

/// |union of the lists| / |catalog|.
pub fn coverage(lists: &[&[u32]], catalog: usize) -> f64 {
    if catalog == 0 {
        return 0.0;
    }
    exposure(lists, catalog).iter().filter(|&&n| n > 0).count() as f64 / catalog as f64
}

/// How often each of the catalog's items is listed.
pub fn exposure(lists: &[&[u32]], catalog: usize) -> Vec<u32> {
    let mut counts = vec![0u32; catalog];
    for item in lists.iter().copied().flatten() {
        counts[*item as usize] += 1;
    }
    counts
}

/// Gini coefficient of the exposure counts: 0 is equal, (n - 1) / n is one item alone.
pub fn gini(exposure: &[u32]) -> f64 {
    let total: f64 = exposure.iter().map(|&n| f64::from(n)).sum();
    if total == 0.0 {
        return 0.0;
    }
    let mut sorted = exposure.to_vec();
    sorted.sort_unstable();
    let n = sorted.len() as f64;
    let weighted: f64 = sorted.iter().enumerate().map(|(i, &x)| (2.0 * (i as f64 + 1.0) - n - 1.0) * f64::from(x)).sum();
    weighted / (n * total)
}

/// Shannon entropy of the exposure distribution, in bits.
pub fn entropy(exposure: &[u32]) -> f64 {
    let total: f64 = exposure.iter().map(|&n| f64::from(n)).sum();
    let of = |n: u32| f64::from(n) / total;
    -exposure.iter().filter(|&&n| n > 0).map(|&n| of(n) * of(n).log2()).sum::<f64>() + 0.0
}

/// Mean -log2(n_i / |U_train|) of a list; an item without training users counts as one with 1.
pub fn novelty(list: &[u32], train_users_of_item: &[u32], train_users: usize) -> f64 {
    mean(list.iter().map(|&i| {
        let n = f64::from(train_users_of_item[i as usize].max(1));
        -(n / train_users.max(1) as f64).log2()
    }))
}

/// Mean over pairs of 1 - cosine; `vector(item)` gives unit-length rows. NaN for fewer than two items with vectors.
pub fn intra_list_diversity<'v>(list: &[u32], vector: impl Fn(u32) -> Option<&'v [(u32, f32)]>) -> f64 {
    let rows: Vec<&[(u32, f32)]> = list.iter().filter_map(|&i| vector(i)).collect();
    let n = rows.len();
    if n < 2 {
        return f64::NAN;
    }
    let mut sum = 0.0;
    for (i, a) in rows.iter().enumerate() {
        for b in &rows[i + 1..] {
            sum += 1.0 - f64::from(sparse_dot(a, b));
        }
    }
    sum / (n * (n - 1) / 2) as f64
}

/// Dot product of two sparse rows with ascending columns.
pub fn sparse_dot(a: &[(u32, f32)], b: &[(u32, f32)]) -> f32 {
    let (mut i, mut j, mut sum) = (0, 0, 0.0);
    while i < a.len() && j < b.len() {
        match a[i].0.cmp(&b[j].0) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                sum += a[i].1 * b[j].1;
                i += 1;
                j += 1;
            }
        }
    }
    sum
}

/// Hits weighted by max(0, P_model - P_popularity), divided by the list's length. P of an item at 1-based rank r of n
/// candidates is (n - r) / (n - 1), under the model's order and under the popularity order.
pub fn serendipity(list: &[u32], is_hit: &[bool], candidates: usize, popularity_rank: &[u32]) -> f64 {
    if list.is_empty() {
        return 0.0;
    }
    let n = candidates.max(2) as f64;
    let p = |rank: f64| ((n - rank) / (n - 1.0)).max(0.0);
    let sum: f64 = list
        .iter()
        .zip(is_hit)
        .enumerate()
        .filter(|(_, (_, hit))| **hit)
        .map(|(at, (&item, _))| (p(at as f64 + 1.0) - p(f64::from(popularity_rank[item as usize]))).max(0.0))
        .sum();
    sum / list.len() as f64
}

/// C_KL of Steck 2018: KL(p || (1 - alpha) q + alpha p), natural log, alpha = 0.01, where p is the history's and q the
/// list's distribution over categories, each item spreading 1 evenly over its own. NaN where either has no categories.
pub fn calibration_kl<'c>(history: &[u32], list: &[u32], categories: impl Fn(u32) -> &'c [u32], total: usize) -> f64 {
    const ALPHA: f64 = 0.01;
    let distribution = |items: &[u32]| -> Option<Vec<f64>> {
        let mut p = vec![0.0; total];
        let mut mass = 0.0;
        for &item in items {
            let of = categories(item);
            for &c in of {
                p[c as usize] += 1.0 / of.len() as f64;
            }
            mass += f64::from(u8::from(!of.is_empty()));
        }
        (mass > 0.0).then(|| p.iter().map(|x| x / mass).collect())
    };
    let (Some(p), Some(q)) = (distribution(history), distribution(list)) else {
        return f64::NAN;
    };
    p.iter()
        .zip(&q)
        .filter(|(p, _)| **p > 0.0)
        .map(|(p, q)| p * (p / ((1.0 - ALPHA) * q + ALPHA * p)).ln())
        .sum()
}

/// Average recommendation popularity: the mean number of training users of the listed items.
pub fn average_popularity(list: &[u32], train_users_of_item: &[u32]) -> f64 {
    mean(list.iter().map(|&i| f64::from(train_users_of_item[i as usize])))
}

/// Share of the list outside the head: the head is the most popular items that together hold 80 % of the events.
pub fn tail_share(list: &[u32], is_tail: &[bool]) -> f64 {
    mean(list.iter().map(|&i| f64::from(u8::from(is_tail[i as usize]))))
}

/// Which items are outside the head, see [`tail_share`].
pub fn long_tail(train_users_of_item: &[u32]) -> Vec<bool> {
    let total: f64 = train_users_of_item.iter().map(|&n| f64::from(n)).sum();
    let mut order: Vec<usize> = (0..train_users_of_item.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(train_users_of_item[i]), i));
    let mut tail = vec![true; train_users_of_item.len()];
    let mut held = 0.0;
    for item in order {
        if held >= 0.8 * total {
            break;
        }
        held += f64::from(train_users_of_item[item]);
        tail[item] = false;
    }
    tail
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len();
    if n == 0 { 0.0 } else { values.sum::<f64>() / n as f64 }
}
