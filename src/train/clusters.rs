//! Anonymous centroids: spherical k-means over users, clusters below k people merged into their nearest neighbors.
//!
//! Every centroid stands for at least `k` people and names no item that fewer than 3 of them met; that is
//! k-anonymity of the centroids, not differential privacy (Laplace noise at useful budgets destroys centroids of this
//! size). Not here: the votes on the device (`rank::learned::clusters`).

use rayon::prelude::*;

use super::matrix::Csr;
use crate::math::rng::Rng;
use crate::rank::learned::clusters::Clusters;
use crate::rank::learned::sparse::SparseRows;
use crate::{Error, Result};

/// An item in a centroid was met by at least so many of its people.
pub const LEAST_PEOPLE_PER_ITEM: f32 = 3.0;

/// Clusters the rows of binary `x` into at most `count` centroids of at least `k` people each, keeping `entries` items of
/// each.
pub fn clusters(x: &Csr, count: usize, k: usize, entries: usize, seed: u64) -> Result<Clusters> {
    let users: Vec<usize> = (0..x.rows()).filter(|&u| !x.row(u).0.is_empty()).collect();
    if users.len() < k {
        return Err(Error::input(format!(
            "{} users cannot make one centroid of {k} people. Give more users, or leave out user-clusters.",
            users.len()
        )));
    }
    let count = count.min(users.len() / k).max(1);
    let n = x.columns;
    let frequency = {
        let mut f = vec![0f32; n];
        x.indices.iter().for_each(|&i| f[i as usize] += 1.0);
        f
    };
    // Rare shared tastes say more: idf weights for finding the clusters, plain shares for what is shipped.
    let idf: Vec<f32> = frequency.iter().map(|f| ((users.len() as f32 + 1.0) / (f + 1.0)).ln().max(0.0)).collect();
    let mut rng = Rng::new(seed);
    let mut order = users.clone();
    rng.shuffle(&mut order);
    let mut centers: Vec<Vec<f32>> = order[..count]
        .iter()
        .map(|&u| {
            let mut center = vec![0f32; n];
            x.row(u).0.iter().for_each(|&i| center[i as usize] = idf[i as usize]);
            unit(&mut center);
            center
        })
        .collect();
    let mut assigned: Vec<usize> = Vec::new();
    for _ in 0..15 {
        let next = assign(x, &users, &centers, &idf);
        let settled = next == assigned;
        assigned = next;
        if settled {
            break;
        }
        centers = means(x, &users, &assigned, centers.len(), &idf);
    }
    // Dissolve the smallest cluster until all hold k people.
    loop {
        let mut sizes = vec![0usize; centers.len()];
        assigned.iter().for_each(|&c| sizes[c] += 1);
        let (smallest, &size) = sizes.iter().enumerate().min_by_key(|(c, s)| (**s, *c)).unwrap_or((0, &0));
        if size >= k || centers.len() == 1 {
            break;
        }
        centers.remove(smallest);
        assigned = assign(x, &users, &centers, &idf);
    }
    let mut counts = vec![vec![0f32; n]; centers.len()];
    let mut sizes = vec![0usize; centers.len()];
    for (&user, &c) in users.iter().zip(&assigned) {
        sizes[c] += 1;
        x.row(user).0.iter().for_each(|&i| counts[c][i as usize] += 1.0);
    }
    let rows = counts.iter().zip(&sizes).map(|(counts, &size)| {
        let named = counts.iter().enumerate().filter(|(_, n)| **n >= LEAST_PEOPLE_PER_ITEM);
        named.map(|(i, n)| (i as u32, n / size as f32)).collect::<Vec<_>>()
    });
    let centroids = SparseRows::from_rows(n, rows, entries);
    let norms =
        (0..centers.len()).map(|c| centroids.row(c as u32).map(|(_, v)| v * v).sum::<f32>().sqrt()).collect();
    let smallest = sizes.iter().copied().min().unwrap_or(0);
    Ok(Clusters { centroids, norms, smallest, power: 4.0, tau: f32::INFINITY })
}

fn unit(values: &mut [f32]) {
    let norm = values.iter().map(|v| v * v).sum::<f32>().sqrt();
    if norm > 0.0 {
        values.iter_mut().for_each(|v| *v /= norm);
    }
}

fn assign(x: &Csr, users: &[usize], centers: &[Vec<f32>], idf: &[f32]) -> Vec<usize> {
    users
        .par_iter()
        .map(|&user| {
            let items = x.row(user).0;
            let mut best = (f32::MIN, 0);
            for (c, center) in centers.iter().enumerate() {
                let dot: f32 = items.iter().map(|&i| center[i as usize] * idf[i as usize]).sum();
                if dot > best.0 {
                    best = (dot, c);
                }
            }
            best.1
        })
        .collect()
}

fn means(x: &Csr, users: &[usize], assigned: &[usize], count: usize, idf: &[f32]) -> Vec<Vec<f32>> {
    let mut centers = vec![vec![0f32; x.columns]; count];
    for (&user, &c) in users.iter().zip(assigned) {
        let items = x.row(user).0;
        let norm = items.iter().map(|&i| idf[i as usize] * idf[i as usize]).sum::<f32>().sqrt().max(1e-9);
        items.iter().for_each(|&i| centers[c][i as usize] += idf[i as usize] / norm);
    }
    centers.iter_mut().for_each(|center| unit(center));
    centers
}
