//! Scans on the GPU: the same lists to the bit, the choice by a race that is remembered, and a device that is lost in between.

use std::cell::Cell;

use palate::encode::choice::Wish;
use palate::engine::ask::{Hit, Recommend, Search, Wishes};
use palate::engine::scan::Scanning;
use palate::engine::Options;
use palate::platform::native::wait;
use palate::platform::Abort;
use serde_json::json;

use super::fixture::{Device, TestSession, acted, like, options, publish, store_all};
use crate::ops::webgpu::gpu;

thread_local!(static READ: Cell<usize> = const { Cell::new(0) });

/// A clock that is read before a race's two scans, between them and after: `[a, b]` are the milliseconds that they seem to take.
fn scripted([a, b]: [f64; 2]) -> f64 {
    let read = READ.replace(READ.get() + 1);
    (read / 3) as f64 * (a + b) + [0.0, a, a + b][read % 3]
}

fn slow_processor() -> f64 {
    scripted([1000.0, 100.0])
}

fn slow_gpu() -> f64 {
    scripted([100.0, 1000.0])
}

fn open(device: &Device, wish: Wish, from_bytes: usize, now: fn() -> f64) -> TestSession {
    let session = device.try_open(Options { scanning: Scanning { device: wish, from_bytes, now }, ..options() }).unwrap();
    wait(session.prepare_text(&Abort::new(), &|_| ())).unwrap();
    store_all(&session);
    session
}

/// What the profile finds nearest to each interest.
fn nearest(session: &TestSession) -> Vec<Vec<String>> {
    wait(session.profile()).unwrap().interests.into_iter().map(|belief| belief.near).collect()
}

/// Every list that scans: interests of both signs, words, a situation, words with taste, and an item.
fn lists(session: &TestSession) -> Vec<Vec<Hit>> {
    let wishes = Wishes { k: 50, ..Wishes::default() };
    let context = json!({"text": "films"}).as_object().unwrap().clone();
    let recommend = |context| Recommend { wishes: wishes.clone(), context, ..Recommend::default() };
    let search = |personal| Search { wishes: wishes.clone(), text: "tea".into(), personal };
    vec![
        wait(session.recommend(&recommend(Default::default()))).unwrap(),
        wait(session.recommend(&recommend(context))).unwrap(),
        wait(session.search(&search(0.0))).unwrap(),
        wait(session.search(&search(0.5))).unwrap(),
        wait(session.similar("tea-3", &wishes)).unwrap(),
    ]
}

/// Lists of a large index are reason enough to find out; once is enough, and a small index is no reason.
#[test]
fn scan_is_open_until_it_is_settled() {
    let device = Device::with_shop(40);
    let open_for = |wish, from_bytes| open(&device, wish, from_bytes, || 0.0).scans_are_open();
    assert!(open_for(Wish::Auto, 1) && open_for(Wish::Gpu, 1));
    assert!(!open_for(Wish::Cpu, 1) && !open_for(Wish::Auto, usize::MAX));
    let session = open(&device, Wish::Auto, 1, || 0.0);
    wait(session.settle("here"));
    assert!(!session.scans_are_open());
}

fn record(session: &TestSession) {
    wait(session.record(vec![like("tea-3"), like("boots-1"), like("films-9"), acted("lamps-4", "dislike")])).unwrap();
}

#[test]
fn scan_on_the_gpu_gives_the_same_lists() {
    if gpu().is_none() {
        return;
    }
    // Two shards.
    let device = Device::with_shop(1500);
    let on = |wish| {
        let session = open(&device, wish, 1, || 0.0);
        if wish == Wish::Cpu {
            record(&session);
        }
        wait(session.settle("the test's"));
        session
    };
    let (cpu, gpu) = (on(Wish::Cpu), on(Wish::Gpu));
    assert_eq!(gpu.report().shards, 2);
    let report = gpu.report().scan;
    assert!(report.on_gpu && report.adapter.is_some() && report.race.is_some(), "{report:?}");
    assert_eq!(report.why, "asked for");
    assert_eq!(cpu.report().scan.why, "asked for");
    // The profile first: nothing is remembered yet of what it scans for.
    assert_eq!(nearest(&gpu), nearest(&cpu));
    assert_eq!(lists(&gpu), lists(&cpu));
    assert!(gpu.report().scan.on_gpu, "nothing failed on the way: {:?}", gpu.report().scan);
    // Closing gives the device back.
    gpu.close();
    assert!(gpu.scans().held().is_none());
}

#[test]
fn scan_goes_on_on_the_processor_when_the_device_is_gone() {
    if gpu().is_none() {
        return;
    }
    let device = Device::with_shop(40);
    for words_first in [false, true] {
        let session = open(&device, Wish::Gpu, 1, || 0.0);
        record(&session);
        let expected = lists(&open(&device, Wish::Cpu, 1, || 0.0));
        wait(session.settle(""));
        session.scans().held().unwrap().gpu().destroy();
        if words_first {
            assert_eq!(wait(session.search(&Search { wishes: Wishes { k: 50, ..Wishes::default() }, text: "tea".into(), personal: 0.0 })).unwrap(), expected[2]);
        }
        assert_eq!(lists(&session), expected);
        let report = session.report().scan;
        assert!(!report.on_gpu && report.why.contains("WebGPU"), "{report:?}");
        assert!(session.scans().held().is_none());
    }
}

#[test]
fn scan_goes_where_it_was_faster_and_remembers() {
    if gpu().is_none() {
        return;
    }
    let device = Device::with_shop(40);
    let settled = |now, adapter: &str| {
        let session = open(&device, Wish::Auto, 1, now);
        wait(session.settle(adapter));
        session.report().scan
    };
    let report = settled(slow_processor, "one");
    assert!(report.on_gpu, "{report:?}");
    assert_eq!((report.why.as_str(), report.race), ("faster in a race here", Some([1000.0, 100.0])));
    // What won is compared again before it is used; what lost is not even opened.
    assert!(settled(slow_processor, "one").on_gpu);
    let report = settled(slow_gpu, "another");
    assert!(!report.on_gpu && report.race.is_some(), "{report:?}");
    let report = settled(slow_processor, "another");
    assert!(!report.on_gpu && report.race.is_none(), "{report:?}");
    assert_eq!(report.why, "faster in a race on an earlier visit");
}

#[test]
fn scan_of_a_small_index_asks_for_no_gpu() {
    let device = Device::with_shop(40);
    let session = open(&device, Wish::Gpu, 40 * 4 * 32 + 1, || 0.0);
    wait(session.settle(""));
    let report = session.report().scan;
    assert!(!report.on_gpu && report.adapter.is_none() && report.why.contains("small"), "{report:?}");
}

#[test]
fn scan_settles_again_for_another_index() {
    if gpu().is_none() {
        return;
    }
    let device = Device::with_shop(40);
    let session = open(&device, Wish::Gpu, 1, || 0.0);
    record(&session);
    wait(session.settle(""));
    let first = session.scans().held().unwrap();
    wait(session.settle(""));
    assert!(std::rc::Rc::ptr_eq(&first, &session.scans().held().unwrap()), "once for each index");
    publish(&device.server, 60, 1);
    assert!(wait(session.sync(&Abort::new(), &|_| ())).unwrap());
    assert!(session.scans().held().is_none());
    let expected = lists(&open(&device, Wish::Cpu, 1, || 0.0));
    assert_eq!(lists(&session), expected);
    wait(session.settle(""));
    assert_eq!(session.scans().held().unwrap().rows(), 240);
    assert_eq!(lists(&session), expected);
}
