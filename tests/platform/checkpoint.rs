//! The folder that keeps what a run has finished: whole files, cleared without touching others.

use std::cell::RefCell;

use palate::platform::Checkpoint;
use palate::platform::native::FolderCheckpoint;

#[test]
fn checkpoint_folder_keeps_replaces_and_clears() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("training");
    let checkpoint = FolderCheckpoint::new(&path, &|text| panic!("{text}"));
    assert!(checkpoint.read("a").is_none() && !path.exists(), "nothing is made before there is something");
    checkpoint.write("a", b"one").unwrap();
    checkpoint.write("a", b"two").unwrap();
    checkpoint.write("b", b"").unwrap();
    assert_eq!((checkpoint.read("a"), checkpoint.read("b"), checkpoint.read("c")), (Some(b"two".to_vec()), Some(Vec::new()), None));
    assert!(!checkpoint.is_due(), "something was kept a moment ago");
    checkpoint.remove("b");
    checkpoint.remove("b");
    assert!(checkpoint.read("b").is_none());
    std::fs::write(path.join("mine.txt"), "mine").unwrap();
    std::fs::write(path.join("a.kept.17.tmp"), "left by a stop").unwrap();
    checkpoint.clear();
    let names: Vec<_> = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["mine.txt"], "only what is ours goes");
    std::fs::remove_file(path.join("mine.txt")).unwrap();
    checkpoint.clear();
    assert!(!path.exists());
}

#[test]
fn checkpoint_folder_that_cannot_be_written_is_told_once_and_stops_nothing() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("file"), "no folder").unwrap();
    let told = RefCell::new(Vec::new());
    let note = |text: &str| told.borrow_mut().push(text.to_owned());
    let checkpoint = FolderCheckpoint::new(place.path().join("file"), &note);
    checkpoint.write("a", b"one").unwrap();
    checkpoint.write("b", b"two").unwrap();
    assert!(checkpoint.read("a").is_none());
    checkpoint.clear();
    assert_eq!(std::fs::read(place.path().join("file")).unwrap(), b"no folder");
    assert!(told.borrow().len() == 1 && told.borrow()[0].contains("can't be kept"), "{:?}", told.borrow());
}
