//! What every [`Store`] promises.

use palate::platform::Store;
use palate::platform::memory::MemoryStore;
use palate::platform::native::wait;

/// The contract, over an empty store and a second view of it.
async fn contract<S: Store>(store: &S, other: &S) {
    assert_eq!(store.read("a").await.unwrap(), None);
    assert_eq!(store.len("a").await.unwrap(), None);
    store.write("a", b"one").await.unwrap();
    store.write("a", b"longer").await.unwrap();
    assert_eq!(other.read("a").await.unwrap().as_deref(), Some(b"longer".as_slice()));
    store.write("a", b"s").await.unwrap();
    assert_eq!(store.len("a").await.unwrap(), Some(1));

    assert_eq!(store.append("b", b"12").await.unwrap(), 2);
    assert_eq!(other.append("b", b"345").await.unwrap(), 5);
    assert_eq!(store.peek("b", 3, 1).await.unwrap(), Some((5, b"4".to_vec())));
    assert_eq!(store.peek("b", 1, 100).await.unwrap(), Some((5, b"2345".to_vec())));
    assert_eq!(store.peek("b", 9, 100).await.unwrap(), Some((5, Vec::new())));

    assert_eq!(store.append_to("b", 4, b"12", b"x").await.unwrap(), None, "another length");
    assert_eq!(store.append_to("b", 5, b"13", b"x").await.unwrap(), None, "another start");
    assert_eq!(store.append_to("none", 0, b"", b"x").await.unwrap(), None, "no such blob");
    assert_eq!(store.append_to("b", 5, b"12", b"6").await.unwrap(), Some(6));
    store.rename("b", "a").await.unwrap();
    assert_eq!(store.read("a").await.unwrap().as_deref(), Some(b"123456".as_slice()));
    assert_eq!(store.rename("b", "c").await.unwrap_err().code(), "not-found");
    store.write("empty", b"").await.unwrap();
    assert_eq!(store.read("empty").await.unwrap(), Some(Vec::new()));
    assert_eq!(store.list().await.unwrap(), ["a", "empty"]);
    store.remove("a").await.unwrap();
    store.remove("a").await.unwrap();
    assert_eq!(store.list().await.unwrap(), ["empty"]);
    for name in ["", "A", "a/b", "..", ".a", "ä"] {
        assert_eq!(store.write(name, b"").await.unwrap_err().code(), "internal", "{name:?}");
    }

    assert!(!store.heard() && !other.heard());
    store.announce();
    assert!(!store.heard(), "one's own news is no news");
    assert!(other.heard() && !other.heard());

    let lock = store.lock("x").await.unwrap();
    let _other_name = other.lock("y").await.unwrap();
    assert!(futures_lite::future::poll_once(other.lock("x")).await.is_none(), "held");
    drop(lock);
    assert!(futures_lite::future::poll_once(other.lock("x")).await.is_some(), "free again");
}

#[test]
fn store_memory_keeps_the_contract() {
    let store = MemoryStore::new();
    wait(contract(&store, &store.clone()));
}

#[test]
fn store_memory_fills_up_denies_and_tears() {
    let store = MemoryStore::new();
    store.set_quota(Some(4));
    wait(store.write("a", b"1234")).unwrap();
    assert_eq!(wait(store.write("a", b"12345")).unwrap_err().code(), "quota");
    assert_eq!(wait(store.append("a", b"5")).unwrap_err().code(), "quota");
    assert_eq!(wait(store.read("a")).unwrap().unwrap(), b"1234");
    store.set_quota(None);
    store.tear_next_append(1);
    assert_eq!(wait(store.append("a", b"xyz")).unwrap_err().code(), "storage");
    assert_eq!(wait(store.read("a")).unwrap().unwrap(), b"1234x");
    store.set_denied(true);
    assert_eq!(wait(store.read("a")).unwrap_err().code(), "storage");
}
