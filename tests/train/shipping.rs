//! What shipping costs: int8 top-50 rows against the dense matrix, int8 factors against floats.

use std::sync::Arc;

use palate::evaluate::dataset::Sequence;
use palate::evaluate::split::Case;
use palate::math::rng::Rng;
use palate::rank::learned::sparse::SparseRows;
use palate::train::dense::Dense;
use palate::rank::learned::terms::{Term, history_of};
use palate::train::ease::{ease, ease_with_heights};
use palate::train::entries::{Centered, Entries, Keep, Popular, exact_lists, kept};
use palate::train::inverse::Stand;
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

fn sequence(items: Vec<u32>) -> Sequence {
    let n = items.len();
    Sequence { user: 0, items, times: vec![0; n], values: vec![1.0; n] }
}

/// EASE of 6,000 people, and 300 others as cases: three of their items are the targets.
fn learned() -> (Dense, Vec<Sequence>, Vec<Case>) {
    let train: Vec<Sequence> = people(6000, 1).into_iter().map(sequence).collect();
    let weights = ease(&Csr::binary(&train, 2000), 50.0).expect("ease");
    let case = |items: Vec<u32>| Case { targets: items[..3].to_vec(), history: sequence(items[3..].to_vec()) };
    let cases = people(300, 2).into_iter().map(case).collect();
    (Dense::new("ease", weights, 2000), train, cases)
}

#[test]
fn sparse_int8_rows_keep_the_ranking() {
    let (dense, train, cases) = learned();
    let cases: Vec<&Case> = cases.iter().collect();
    let lists = exact_lists(&dense, &cases, None);
    let exact = kept(&dense, &cases, None, &lists);
    assert!(exact.quality > 0.05 && exact.overlap == 1.0, "the data can be predicted: {exact:?}");
    let popular = Popular::new(&dense, &train);
    for entries in [Entries::each_row(), Entries::new(Keep::Weighed { people: 0.25, head: 0.2 }, &popular)] {
        let shipped = kept(&entries.of(&Centered::new(&dense), 50), &cases, None, &lists);
        assert!(shipped.quality > (1.0 - LOST) * exact.quality, "{:?}: {shipped:?} against {exact:?}", entries.keep);
        assert!(shipped.overlap >= OVERLAP, "{:?}: {shipped:?}", entries.keep);
    }
}

#[test]
fn entries_are_as_many_as_asked_for_and_the_weightiest() {
    let (dense, train, _) = learned();
    let popular = Popular::new(&dense, &train);
    // Without powers every magnitude counts as it is, over the whole matrix.
    let plain = Entries::new(Keep::Weighed { people: 0.0, head: 0.0 }, &popular);
    let rows = plain.of(&Centered::new(&dense), 3).weights;
    let mean = |column: usize| dense.weights.iter().skip(column).step_by(2000).map(|w| f64::from(*w)).sum::<f64>() / 2000.0;
    let base: Vec<f32> = (0..2000).map(|column| mean(column) as f32).collect();
    let mut all: Vec<(f32, u32, u32)> = Vec::new();
    for row in (0..2000).filter(|&row| dense.row(row).iter().any(|w| *w != 0.0)) {
        all.extend(dense.row(row).iter().zip(&base).enumerate().map(|(column, (w, b))| ((w - b).abs(), row as u32, column as u32)));
    }
    all.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let mut wanted: Vec<(u32, u32)> = all[..6000].iter().map(|(_, row, column)| (*row, *column)).collect();
    wanted.sort_unstable();
    let found: Vec<(u32, u32)> = (0..2000).flat_map(|row| rows.row(row).map(move |(column, _)| (row, column))).collect();
    // Of the wanted ones int8 rounds some to zero.
    assert!(found.len() > 5900 && found.iter().all(|at| wanted.binary_search(at).is_ok()), "{} of 6000", found.len());
    // With powers, those that many people meet get longer rows; a cut keeps to the same order.
    let weighed = Entries::new(Keep::Weighed { people: 0.5, head: 0.35 }, &popular);
    let (long, short) = (weighed.of(&Centered::new(&dense), 20).weights, weighed.cut(&weighed.of(&Centered::new(&dense), 20).weights, 10));
    assert!(long.entries() > 39_000 && long.entries() <= 40_000, "{}", long.entries());
    let rows = (0..2000).filter(|&row| long.row(row).next().is_some()).count();
    assert!(short.entries() * 100 > 970 * rows && short.entries() <= 10 * rows, "{} of {rows} rows", short.entries());
    let mut people = vec![0u32; 2000];
    train.iter().flat_map(|s| &s.items).for_each(|&item| people[item as usize] += 1);
    let mut order: Vec<u32> = (0..2000).collect();
    order.sort_by_key(|&item| std::cmp::Reverse(people[item as usize]));
    let entries = |items: &[u32]| items.iter().map(|&item| long.row(item).count()).sum::<usize>();
    assert!(entries(&order[..200]) > 2 * entries(&order[1800..]), "rows of the popular are longer");
}

#[test]
fn equal_entries_are_taken_in_order() {
    let weights = vec![0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let dense = Dense::new("equal", weights, 4);
    let popular = Popular::new(&dense, &[sequence(vec![0, 1, 2])]);
    let rows = Entries::new(Keep::Weighed { people: 0.0, head: 0.0 }, &popular).of(&Centered::new(&dense), 1).weights;
    let found: Vec<Vec<u32>> = (0..4).map(|row| rows.row(row).map(|(column, _)| column).collect()).collect();
    // Six entries stand 0.5 above their columns' means, and two rows have any.
    assert_eq!(found, [vec![1, 2], vec![], vec![], vec![]]);
}

#[test]
fn the_choice_is_made_on_the_cases() {
    let (dense, train, cases) = learned();
    let popular = Popular::new(&dense, &train);
    let (none, least) = Entries::choose(&dense, &popular, 10, &[], None, &|_| {});
    assert_eq!((none.keep, least), (Keep::EachRow, 10), "nothing to choose by");
    let (chosen, entries) = Entries::choose(&dense, &popular, 10, &cases, None, &|_| {});
    assert!((10..=20).contains(&entries), "{entries}");
    let cases: Vec<&Case> = cases.iter().collect();
    let lists = exact_lists(&dense, &cases, None);
    let (each, best) = (kept(&Entries::each_row().of(&Centered::new(&dense), 10), &cases, None, &lists), kept(&chosen.of(&Centered::new(&dense), 10), &cases, None, &lists));
    // On these people they earn it, or each row's largest stay.
    assert!(best.quality >= 0.99 * each.quality && best.overlap >= each.overlap, "{best:?} against {each:?}");
    assert!(chosen.keep == Keep::EachRow || best.quality > each.quality, "{best:?} against {each:?}");
}

#[test]
fn sparse_rows_survive_their_parts_and_refuse_broken_ones() {
    let rows = SparseRows::from_dense(&[0.0, 2.0, -1.0, 0.5, 0.0, 0.0], 3, 2);
    assert_eq!(rows.entries(), 3);
    assert!((rows.get(0, 1) - 2.0).abs() < 0.02 && rows.get(1, 2) == 0.0);
    let (offsets, indices, values) = rows.parts();
    let scales = rows.scales().0.to_vec();
    let again = |offsets: Vec<u32>, indices: Vec<u32>| SparseRows::from_parts(3, offsets, indices, values.clone(), scales.clone(), vec![]);
    assert_eq!(again(offsets.clone(), indices.clone()), Some(rows.clone()));
    assert_eq!(again(vec![0, 9, 3], indices), None);
    assert_eq!(again(offsets.clone(), vec![1, 2, 3]), None);
    assert_eq!(again(offsets, vec![2, 1, 0]), None);
}

/// EASE of the same people with its heights: a symmetric matrix but for them.
fn symmetric() -> (Dense, Vec<Sequence>, Vec<Case>) {
    let (dense, train, cases) = learned();
    let (weights, heights) = ease_with_heights(&Csr::binary(&train, 2000), 50.0, &Stand::nowhere()).expect("ease");
    (Dense { heights: Some(Arc::new(heights)), ..Dense::new(&dense.name, weights, 2000) }, train, cases)
}

#[test]
fn pairs_keep_as_much_of_the_ranking_with_half_of_the_entries() {
    let (dense, train, cases) = symmetric();
    let cases: Vec<&Case> = cases.iter().collect();
    let lists = exact_lists(&dense, &cases, None);
    let exact = kept(&dense, &cases, None, &lists);
    let popular = Popular::new(&dense, &train);
    for entries in [Entries::each_row(), Entries::new(Keep::Weighed { people: 0.25, head: 0.2 }, &popular)] {
        let term = entries.of(&Centered::new(&dense), 25);
        let shipped = kept(&term, &cases, None, &lists);
        assert!(term.weights.is_mirrored() && term.weights.entries() <= 25 * 2000);
        assert!(shipped.quality > (1.0 - LOST) * exact.quality, "{:?}: {shipped:?} against {exact:?}", entries.keep);
        assert!(shipped.overlap >= OVERLAP, "{:?}: {shipped:?}", entries.keep);
    }
}

#[test]
fn pairs_are_both_entries_of_the_learned_matrix_to_an_int8_step() {
    let (dense, train, _) = symmetric();
    let rows = Entries::new(Keep::Weighed { people: 0.25, head: 0.1 }, &Popular::new(&dense, &train)).of(&Centered::new(&dense), 20).weights;
    let (scales, heights) = rows.scales();
    let mut found = 0;
    for row in 0..2000u32 {
        for (column, weight) in rows.row(row) {
            let step = scales[row as usize] * heights[column as usize];
            let wanted = dense.row(row as usize)[column as usize];
            assert!((weight - wanted).abs() <= 0.501 * step, "({row}, {column}): {weight}, learned {wanted}");
            assert!(rows.get(column, row) != 0.0, "({row}, {column}) has no other side");
            found += 1;
        }
    }
    assert!(found == 2 * rows.entries() && rows.entries() > 19 * 2000, "{found}");
}

#[test]
fn pairs_taken_are_the_ones_whose_entries_weigh_most_together() {
    let (dense, train, _) = symmetric();
    let rows = Entries::new(Keep::Weighed { people: 0.0, head: 0.0 }, &Popular::new(&dense, &train)).of(&Centered::new(&dense), 3).weights;
    let both = |row: usize, column: usize| dense.row(row)[column].abs() + dense.row(column)[row].abs();
    let (mut taken, mut left) = (f32::INFINITY, 0f32);
    for row in 0..2000 {
        for column in row + 1..2000 {
            let weight = both(row, column);
            if rows.get(row as u32, column as u32) != 0.0 { taken = taken.min(weight) } else { left = left.max(weight) }
        }
    }
    // Of equal ones some are left; int8 rounds none of the largest to zero.
    assert!(taken >= 0.9999 * left, "{taken} was taken, {left} left");
}

#[test]
fn pairs_survive_their_parts_and_a_cut_and_refuse_broken_ones() {
    let (dense, train, _) = symmetric();
    let entries = Entries::new(Keep::Weighed { people: 0.5, head: 0.25 }, &Popular::new(&dense, &train));
    let rows = entries.of(&Centered::new(&dense), 20).weights;
    let (offsets, indices, values) = rows.parts();
    let (scales, heights) = rows.scales();
    let (scales, heights) = (scales.to_vec(), heights.to_vec());
    let again = |offsets: &[u32], indices: &[u32], heights: &[f32]| SparseRows::mirrored(offsets.to_vec(), indices.to_vec(), values.clone(), scales.clone(), heights.to_vec());
    assert_eq!(again(&offsets, &indices, &heights), Some(rows.clone()));
    assert_eq!(again(&offsets, &indices, &heights[1..]), None);
    let mut below = indices.clone();
    below[0] = 0;
    assert_eq!(again(&offsets, &below, &heights), None, "on the diagonal");
    let cut = entries.cut(&rows, 10);
    assert!(cut.is_mirrored() && cut.entries() * 2 <= rows.entries() + 2000 && cut.entries() > 9 * 2000, "{} of {}", cut.entries(), rows.entries());
    (0..2000).for_each(|row| cut.row(row).for_each(|(column, weight)| assert_eq!(weight, rows.get(row, column))));
}

#[test]
fn pairs_explain_what_they_score() {
    let (dense, _, cases) = symmetric();
    let term = Entries::each_row().of(&Centered::new(&dense), 20);
    for case in &cases[..20] {
        let mut history = history_of(&case.history.items);
        let scores = term.scores(&history);
        let item = case.targets[0];
        let shares = term.shares(&history, item);
        assert!((shares.base + shares.events.iter().sum::<f32>() - scores[item as usize]).abs() < 1e-5);
        history[0].weight = 0.0;
        assert!((scores[item as usize] - shares.events[0] - term.scores(&history)[item as usize]).abs() < 1e-5, "without the event");
    }
}

#[test]
fn entries_of_a_small_catalog_are_as_many_as_the_first_ten_need() {
    let (dense, train, cases) = symmetric();
    let popular = Popular::new(&dense, &train);
    let least = 3;
    let (entries, k) = Entries::choose(&dense, &popular, least, &cases, None, &|_| {});
    let cases: Vec<&Case> = cases.iter().collect();
    let lists = exact_lists(&dense, &cases, None);
    let of = |k: usize| kept(&entries.of(&Centered::new(&dense), k), &cases, None, &lists);
    let (twice, taken) = (of(2 * least), of(k));
    assert!(twice.overlap - twice.error < OVERLAP, "twice as many are enough here: {twice:?}");
    assert!(k > 2 * least && k <= 6 * least && taken.overlap > twice.overlap, "{k}: {taken:?}");
    assert!(k == 6 * least || taken.overlap - taken.error >= OVERLAP, "{k}: {taken:?}");
}
