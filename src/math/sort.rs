//! A stable sort that is compiled once, for what is not sorted in a hot loop: each type that the library's own sort is compiled for
//! is two kilobytes of a visitor's download.

use std::cmp::Ordering;

/// Sorts `items`; equal ones stay in their order.
pub fn stable<T>(items: &mut Vec<T>, compare: &dyn Fn(&T, &T) -> Ordering) {
    let order = order(items.len(), &|a, b| compare(&items[a], &items[b]));
    let mut taken: Vec<Option<T>> = items.drain(..).map(Some).collect();
    items.extend(order.into_iter().filter_map(|at| taken[at].take()));
}

/// The places `0..count` in their order.
fn order(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|&a, &b| compare(a, b));
    order
}
