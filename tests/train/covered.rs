//! Dense methods over a part of the catalog: the most frequent items, by their own places.

use std::sync::Arc;

use palate::rank::learned::terms::{Term, history_of};
use palate::train::covered::Covered;
use palate::train::dense::Dense;
use palate::train::ease::ease;
use palate::train::entries::{Centered, Entries, Keep, Popular};
use palate::train::matrix::Csr;
use palate::train::methods::{Data, Trainer};

use super::contract::{ITEMS, checkerboard, features, settings};

#[test]
fn covered_items_are_the_most_frequent_ones() {
    let counts = [3, 9, 0, 3, 7, 3];
    assert_eq!(Covered::new(&counts, 6), None, "that is all");
    let covered = Covered::new(&counts, 3).unwrap();
    assert_eq!(covered.items, [0, 1, 4], "the first of equal ones");
    assert_eq!((covered.place(4), covered.place(3), covered.place(9)), (Some(2), None, None));
    assert!((covered.share(&counts) - 19.0 / 25.0).abs() < 1e-12);
    let mut x = Csr::new(6);
    x.push_row([(1, 1.0), (3, 2.0), (4, 3.0)]);
    x.push_row([(2, 1.0)]);
    let columns = covered.columns(&x);
    assert_eq!((columns.columns, columns.rows(), columns.row(0)), (3, 2, (&[1u32, 2][..], &[1f32, 3.0][..])));
}

#[test]
fn dense_matrix_of_covered_items_scores_as_one_of_a_catalog_without_the_others() {
    let (sequences, cases) = checkerboard();
    // Items 3 and 8 are not covered.
    let counts: Vec<u32> = (0..ITEMS).map(|item| if [3, 8].contains(&item) { 1 } else { 5 }).collect();
    let covered = Arc::new(Covered::new(&counts, ITEMS - 2).unwrap());
    let weights = ease(&covered.columns(&Csr::binary(&sequences, ITEMS)), 5.0).unwrap();
    let small = Dense::new("ease", weights.clone(), ITEMS - 2);
    let large = Dense { covered: Some(covered.clone()), ..Dense::new("ease", weights, ITEMS) };
    let places = |items: &[u32]| items.iter().filter_map(|&item| covered.place(item)).collect::<Vec<u32>>();
    let popular = Popular::new(&large, &sequences);
    for entries in [Entries::each_row(), Entries::new(Keep::Weighed { people: 0.25, head: 0.1 }, &popular)] {
        let (term, whole) = (entries.of(&Centered::new(&large), 6), Entries::each_row().of(&Centered::new(&small), 6));
        for case in &cases {
            // Of equal ages: an event that is not covered says nothing, and takes nothing from the others.
            let (of_all, of_small) = (history_of(&case.history.items), history_of(&places(&case.history.items)));
            let (all, few) = (large.scores(&of_all), small.scores(&of_small));
            for item in 0..ITEMS as u32 {
                let wanted = covered.place(item).map_or(0.0, |place| few[place as usize]);
                assert!((all[item as usize] - wanted).abs() < 1e-6);
                let sum: f32 = large.shares(&of_all, item).events.iter().sum();
                assert!((sum - all[item as usize]).abs() < 1e-5);
            }
            if entries.keep == Keep::EachRow {
                let known: Vec<_> = of_all.iter().filter(|event| covered.place(event.item).is_some()).cloned().collect();
                let (shipped, few) = (term.scores(&known), whole.scores(&of_small));
                covered.items.iter().zip(&few).for_each(|(&item, score)| assert!((shipped[item as usize] - score).abs() < 1e-6));
                assert_eq!((shipped[3], shipped[8]), (0.0, 0.0));
            }
        }
    }
}

#[test]
fn trainer_over_a_part_of_the_catalog_says_so_and_trains_what_fits() {
    let ((sequences, cases), features) = (checkerboard(), features());
    let data = || Data { sequences: &sequences, items: ITEMS, features: &features, valid: &cases, valid_candidates: None, test_candidates: None };
    let whole = Trainer::new(data(), settings(), &|_| {});
    assert_eq!(whole.coverage(), None);
    let limit = ITEMS / 2;
    let mut part = Trainer::new(data(), palate::train::methods::Settings { dense_items: limit, ..settings() }, &|_| {});
    let (items, share) = part.coverage().unwrap();
    assert!(items == limit && (0.4..0.7).contains(&share), "{items}, {share}");
    for method in ["ease", "ease-content", "transitions", "item-knn", "ials", "hybrid"] {
        let term = part.term(method).expect(method);
        assert_eq!(term.items(), ITEMS, "{method}");
        cases.iter().for_each(|case| assert!(term.scores(&history_of(&case.history.items)).iter().all(|score| score.is_finite()), "{method}"));
    }
    assert!(part.term("content-map").is_err_and(|e| e.to_string().contains("at most 10 items")));
}
