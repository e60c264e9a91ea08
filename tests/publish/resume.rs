//! Learning that was stopped goes on to the same bytes; what another run left is not used.

use std::cell::RefCell;

use palate::Error;
use palate::format::manifest::Kind;
use palate::platform::memory::MemoryCheckpoint;
use palate::publish::build::Built;
use palate::publish::ranker;
use palate::train::sequence::SequenceSettings;

use crate::catalogs::crowd::{items, kept, options, published, rows};

/// Items that nobody met: so many that EASE's regularizations are tried.
const COLD: usize = 200;

/// Everything that is ever kept: trials, sweeps, epochs, terms, choices.
fn all_methods() -> ranker::Options {
    let mut options = ranker::Options { sequence: true, ..options() };
    options.settings.sequence = SequenceSettings { dim: 8, epochs: 4, patience: 2, dropout: 0.1, batch_events: 128, ..SequenceSettings::default() };
    options.settings.ials.sweeps = 4;
    options
}

fn shard(built: &Built) -> Vec<u8> {
    let shard = built.manifest.shards_of(&Kind::Ranker).next().expect("a ranker");
    built.files[&shard.file].to_vec()
}

#[test]
fn learning_goes_on_after_any_stop_to_the_same_bytes() {
    let whole = MemoryCheckpoint::default();
    let (unbroken, learned) = kept(items(COLD), &rows(), &all_methods(), None, &whole, &|_| {}).unwrap();
    assert_eq!(shard(&unbroken), shard(&published(items(COLD), &rows(), &all_methods(), None).unwrap().0), "keeping changes nothing");
    let writes = whole.writes.get();
    let names: Vec<String> = whole.kept.borrow().keys().cloned().collect();
    for part in ["choosing-ease", "choosing-ials", "choosing-sequence", "choosing-choices", "final-ease"] {
        assert!(names.iter().any(|name| name == part), "{part} in {names:?}");
    }
    assert!(!names.iter().any(|name| name.contains("sweeps") || name.contains("epoch")), "what is finished needs no stand: {names:?}");
    assert!(writes > 15, "{writes} writes");
    let mut unfinished = std::collections::BTreeSet::new();
    for stop in 1..=writes {
        let checkpoint = MemoryCheckpoint::default();
        checkpoint.stop_after.set(Some(stop));
        let stopped = kept(items(COLD), &rows(), &all_methods(), None, &checkpoint, &|_| {});
        assert_eq!(stopped.map(|built| built.1).unwrap_err(), Error::Aborted, "stopped at write {stop}");
        unfinished.extend(checkpoint.kept.borrow().keys().filter(|name| name.contains("sweeps") || name.contains("epoch") || name.contains("trials")).cloned());
        checkpoint.stop_after.set(None);
        let (resumed, again) = kept(items(COLD), &rows(), &all_methods(), None, &checkpoint, &|_| {}).unwrap();
        assert_eq!(shard(&resumed), shard(&unbroken), "stopped at write {stop}");
        assert_eq!(again, learned);
        assert_eq!(checkpoint.writes.get(), writes, "nothing is learned twice after a stop at write {stop}");
    }
    let unfinished: Vec<&str> = unfinished.iter().map(String::as_str).collect();
    assert!(["choosing-ease-trials", "choosing-ials-sweeps", "choosing-ials-trials", "choosing-sequence-epoch"].iter().all(|part| unfinished.contains(part)), "{unfinished:?}");
}

#[test]
fn learning_does_not_use_what_another_run_left_and_says_so() {
    let checkpoint = MemoryCheckpoint::default();
    kept(items(2), &rows(), &options(), None, &checkpoint, &|_| {}).unwrap();
    let left = checkpoint.kept.borrow().clone();
    let fewer: String = rows().lines().take(700).map(|line| format!("{line}\n")).collect();
    let mut other = options();
    other.settings.ease_lambda = 6.0;
    for (items, rows, options) in [(items(2), fewer, options()), (items(2), rows(), other), (items(3), rows(), options())] {
        let other = MemoryCheckpoint::default();
        other.kept.borrow_mut().clone_from(&left);
        let told = RefCell::new(Vec::new());
        let (built, _) = kept(items.clone(), &rows, &options, None, &other, &|text| told.borrow_mut().push(text.to_owned())).unwrap();
        assert_eq!(shard(&built), shard(&published(items, &rows, &options, None).unwrap().0));
        let told = told.borrow();
        assert!(told.iter().any(|text| text.contains("of a run with other interactions, items or options and is not used")), "{told:?}");
        assert!(!told.iter().any(|text| text.contains("learned before")), "{told:?}");
    }
}

#[test]
fn learning_does_not_use_damaged_parts_and_says_so() {
    let checkpoint = MemoryCheckpoint::default();
    let (whole, _) = kept(items(2), &rows(), &options(), None, &checkpoint, &|_| {}).unwrap();
    let left = checkpoint.kept.borrow().clone();
    for damage in [|bytes: &[u8]| bytes[..bytes.len() - 1].to_vec(), |bytes: &[u8]| bytes[..9].to_vec(), |_: &[u8]| Vec::new()] {
        for part in left.keys().filter(|part| part.starts_with("choosing")) {
            let other = MemoryCheckpoint::default();
            other.kept.borrow_mut().clone_from(&left);
            // Without the choices each term is asked for.
            other.kept.borrow_mut().remove("choosing-choices");
            other.kept.borrow_mut().insert(part.clone(), damage(&left[part]));
            let told = RefCell::new(Vec::new());
            let (built, _) = kept(items(2), &rows(), &options(), None, &other, &|text| told.borrow_mut().push(text.to_owned())).unwrap();
            assert_eq!(shard(&built), shard(&whole), "{part}");
            assert!(told.borrow().iter().any(|text| text.contains(&format!("{part} in memory is damaged and not used"))), "{part}: {:?}", told.borrow());
        }
    }
}
