//! Two tabs over one log.

use palate::history::{Kind, Log};
use palate::platform::memory::MemoryStore;
use palate::platform::native::{KeySeal, wait};

use super::event;

fn items(log: &Log) -> Vec<String> {
    let mut items: Vec<String> = log.events().iter().map(|event| event.item.clone()).collect();
    items.sort();
    items
}

#[test]
fn tabs_interleaved_keep_every_event() {
    let seal = KeySeal::fresh();
    let first = MemoryStore::new();
    let second = first.clone();
    let (a, b) = (wait(Log::open(&first, &seal)).unwrap(), wait(Log::open(&second, &seal)).unwrap());
    for n in 0..20 {
        wait(a.append(&first, &seal, vec![event(&format!("a{n:02}"), Kind::Like, 1.0)])).unwrap();
        wait(b.append(&second, &seal, vec![event(&format!("b{n:02}"), Kind::Like, 1.0)])).unwrap();
    }
    let fresh = wait(Log::open(&first, &seal)).unwrap();
    assert_eq!(fresh.events().len(), 40);
    assert_eq!(fresh.damage(), Default::default());
    assert_eq!(b.events().len(), 40, "the last writer has read everything");
    wait(a.refresh(&first, &seal)).unwrap();
    assert_eq!(items(&a), items(&fresh));
}

#[test]
fn tabs_at_the_same_time_wait_for_each_other() {
    let seal = KeySeal::fresh();
    let store = MemoryStore::new();
    let logs: Vec<(MemoryStore, Log)> = (0..4).map(|_| (store.clone(), wait(Log::open(&store, &seal)).unwrap())).collect();
    wait(async {
        use std::future::Future;
        let mut tasks: Vec<std::pin::Pin<Box<dyn Future<Output = ()>>>> = Vec::new();
        for (tab, (store, log)) in logs.iter().enumerate() {
            let seal = &seal;
            tasks.push(Box::pin(async move {
                for n in 0..10 {
                    log.append(store, seal, vec![event(&format!("{tab}-{n}"), Kind::View, 1.0)]).await.unwrap();
                    futures_lite::future::yield_now().await;
                }
            }));
        }
        std::future::poll_fn(|context| {
            tasks.retain_mut(|task| task.as_mut().poll(context).is_pending());
            if tasks.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    });
    let fresh = wait(Log::open(&store, &seal)).unwrap();
    assert_eq!((fresh.events().len(), fresh.damage()), (40, Default::default()));
}

#[test]
fn tabs_see_that_another_one_forgot() {
    let seal = KeySeal::fresh();
    let first = MemoryStore::new();
    let second = first.clone();
    let (a, b) = (wait(Log::open(&first, &seal)).unwrap(), wait(Log::open(&second, &seal)).unwrap());
    wait(a.append(&first, &seal, vec![event("x", Kind::Like, 1.0), event("y", Kind::Like, 1.0)])).unwrap();
    wait(b.refresh(&second, &seal)).unwrap();
    wait(a.clear(&first, &seal)).unwrap();
    // As long as before: only the file's id tells them apart.
    wait(a.append(&first, &seal, vec![event("z", Kind::Like, 1.0), event("w", Kind::Like, 1.0)])).unwrap();
    wait(b.append(&second, &seal, vec![event("b", Kind::Like, 1.0)])).unwrap();
    assert_eq!(items(&b), ["b", "w", "z"]);
    assert_eq!(wait(Log::open(&first, &seal)).unwrap().events().len(), 3);
}
