//! Events are checked on the way in, and no message says what was in them.

use palate::format::history::{EventRow, read_export, write_export};
use palate::history::Event;
use serde_json::{Map, json};

const NOW: f64 = 1.7e12;

fn row() -> EventRow {
    EventRow { item: "secret-key".into(), event: "like".into(), at: NOW, value: None, context: Map::new(), call: None, shown: Default::default() }
}

#[test]
fn event_refuses_what_is_out_of_range_without_quoting_it() {
    let long = "k".repeat(1025);
    let nested = json!({"deep": {"secret-name": 1}}).as_object().unwrap().clone();
    let many = (0..17).map(|n| (format!("n{n}"), json!(n))).collect::<Map<_, _>>();
    let bad: Vec<EventRow> = vec![
        EventRow { item: String::new(), ..row() },
        EventRow { item: long, ..row() },
        EventRow { event: "secret-kind".into(), ..row() },
        EventRow { at: f64::NAN, ..row() },
        EventRow { at: -1.0, ..row() },
        EventRow { at: NOW * 2.0, ..row() },
        EventRow { value: Some(f64::NAN), ..row() },
        EventRow { value: Some(f64::INFINITY), ..row() },
        EventRow { value: Some(1e300), ..row() },
        EventRow { value: Some(-1.0), event: "dwell".into(), ..row() },
        EventRow { context: nested, ..row() },
        EventRow { context: many, ..row() },
        EventRow { context: json!({"place": "p".repeat(300)}).as_object().unwrap().clone(), ..row() },
        EventRow { call: Some("c".repeat(65)), ..row() },
    ];
    for (index, row) in bad.into_iter().enumerate() {
        let error = Event::checked(row, NOW).unwrap_err();
        assert_eq!(error.code(), "bad-input", "row {index}");
        assert!(!error.to_string().contains("secret"), "row {index}: {error}");
        assert!(error.to_string().contains("Pass") || error.to_string().contains("Leave"), "row {index} says what to do: {error}");
    }
    assert!(Event::checked(row(), NOW).is_ok());
}

#[test]
fn event_survives_export_and_import() {
    let rows = vec![
        EventRow { value: Some(2.5), context: json!({"place": "home", "hour": 7}).as_object().unwrap().clone(), ..row() },
        EventRow { item: "日本 \"quoted\" \u{1f600}".into(), ..row() },
    ];
    assert_eq!(read_export(&write_export(rows.clone()).unwrap()).unwrap(), rows);
}

#[test]
fn event_import_names_the_place_not_the_content() {
    let cases = [
        ("", "bad-input"),
        ("{\"secret\"", "bad-input"),
        ("[]", "bad-input"),
        (r#"{"format":"palate-history","version":2,"events":[]}"#, "version"),
        (r#"{"format":"palate-history","version":1}"#, "bad-input"),
        (r#"{"format":"palate-history","version":1,"events":[{"item":"secret","event":"like"}]}"#, "bad-input"),
        (r#"{"format":"palate-history","version":1,"events":[{"item":7,"event":"secret","time":1}]}"#, "bad-input"),
    ];
    for (text, code) in cases {
        let error = read_export(text).unwrap_err();
        assert_eq!(error.code(), code, "{text}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
