//! What shipping costs: int8 top-50 rows against the dense matrix, int8 factors against floats.

use palate::evaluate::dataset::Sequence;
use palate::evaluate::split::Case;
use palate::math::rng::Rng;
use palate::rank::learned::sparse::SparseRows;
use palate::train::dense::Dense;
use palate::train::ease::ease;
use palate::train::entries::{Centered, Entries, Keep, Popular, exact_lists, kept};
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
    assert_eq!(Entries::choose(&dense, &popular, 10, &[], None, &|_| {}).keep, Keep::EachRow, "nothing to choose by");
    let chosen = Entries::choose(&dense, &popular, 10, &cases, None, &|_| {});
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
    let (offsets, indices, values, scales) = rows.parts();
    let again = |offsets: Vec<u32>, indices: Vec<u32>| {
        SparseRows::from_parts(3, offsets, indices, values.to_vec(), scales.to_vec(), vec![])
    };
    assert_eq!(again(offsets.to_vec(), indices.to_vec()), Some(rows.clone()));
    assert_eq!(again(vec![0, 9, 3], indices.to_vec()), None);
    assert_eq!(again(offsets.to_vec(), vec![1, 2, 3]), None);
    assert_eq!(again(offsets.to_vec(), vec![2, 1, 0]), None);
}
