//! Items from files: the same items from every format, and every kind of bad row, named by file and line.

use std::io::{Cursor, Write};

use palate::Result;
use palate::publish::items::{Bad, Item, MAX_TEXT, Reader, Template};
use palate::publish::table::{MAX_LINE, Shape, read_json_lines, read_parquet, read_separated};
use serde_json::{Value, json};

use crate::catalogs::item;

fn json_lines(bytes: &[u8], skip_bad: bool) -> Result<(Vec<Item>, Bad)> {
    let mut reader = Reader::new("items.jsonl");
    read_json_lines("items.jsonl", Cursor::new(bytes), &mut |row| {
        reader.push(row);
        Ok(())
    })?;
    reader.finish(skip_bad)
}

fn csv(bytes: &[u8], skip_bad: bool) -> Result<(Vec<Item>, Bad)> {
    let mut reader = Reader::new("items.csv");
    read_separated("items.csv", b',', bytes, &mut |row| {
        reader.push(row);
        Ok(())
    })?;
    reader.finish(skip_bad)
}

/// Why the one row is bad.
fn reason(line: &[u8]) -> String {
    let (_, bad) = json_lines(&[b"{\"id\": \"good\"}\n", line, b"\n"].concat(), true).expect("one row is good");
    assert_eq!(bad.rows, 1, "{}", String::from_utf8_lossy(line));
    assert!(bad.named[0].starts_with("items.jsonl, line 2: "), "{}", bad.named[0]);
    bad.named[0].clone()
}

#[test]
fn items_of_all_formats_are_the_same() {
    let lines = r#"{"id": 7, "title": "Warm boots", "tags": ["winter", "wool"], "price": 59.5, "year": "1995", "description": "For snow.\nReally."}
{"id": "b|2", "title": "Café \"chair\"", "categories": ["home"], "price": 12}"#;
    let (from_lines, bad) = json_lines(lines.as_bytes(), false).unwrap();
    assert_eq!(bad, Bad::default());
    assert_eq!(from_lines.len(), 2);
    assert_eq!(from_lines[0].key, "7");
    let table = concat!(
        "\u{feff}id,title,tags,categories,price,year,description\r\n",
        "7,Warm boots,winter|wool,,59.5,1995,\"For snow.\nReally.\"\r\n",
        "b|2,\"Café \"\"chair\"\"\",,\"[\"\"home\"\"]\",12.0,,\r\n"
    );
    let (from_table, _) = csv(table.as_bytes(), false).unwrap();
    assert_eq!(from_table, from_lines);
    // A cell is missing in the second row, which starts on line 4.
    let error = csv(table.replace("12.0,,", "12.0,").as_bytes(), false).unwrap_err();
    assert!(error.to_string().contains("items.csv, line 4: 6 fields, the header has 7"), "{error}");
}

#[test]
fn items_of_parquet_are_read_with_lists_and_numbers() {
    let bytes = parquet_sample();
    let mut reader = Reader::new("items.parquet");
    read_parquet("items.parquet", in_a_file(&bytes), &mut |row| {
        reader.push(row);
        Ok(())
    })
    .unwrap();
    let (items, bad) = reader.finish(true).unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(items[0], item(json!({"id": "a", "title": "Warm boots", "price": 9.5, "tags": ["x", "y"]})));
    assert_eq!(items[1], item(json!({"id": "b", "title": "Chair", "price": 3})));
    assert_eq!(bad.named, ["items.parquet, line 3: \"price\" is NaN"]);
    let broken = read_parquet("items.parquet", in_a_file(&bytes[..60]), &mut |_| Ok(())).unwrap_err();
    assert_eq!(broken.code(), "corrupt");
}

/// A file of three items, the last with a price that is no number.
fn parquet_sample() -> Vec<u8> {
    use parquet::data_type::{ByteArray, ByteArrayType, DoubleType};
    use parquet::file::writer::SerializedFileWriter;
    let schema = "message items { required binary id (UTF8); optional binary title (UTF8); optional double price; \
                  optional group tags (LIST) { repeated group list { optional binary element (UTF8); } } }";
    let schema = std::sync::Arc::new(parquet::schema::parser::parse_message_type(schema).unwrap());
    let mut bytes = Vec::new();
    let mut file = SerializedFileWriter::new(&mut bytes, schema, Default::default()).unwrap();
    let mut group = file.next_row_group().unwrap();
    let texts = |words: &[&str]| words.iter().map(|w| ByteArray::from(*w)).collect::<Vec<_>>();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<ByteArrayType>().write_batch(&texts(&["a", "b", "c"]), None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<ByteArrayType>().write_batch(&texts(&["Warm boots", "Chair"]), Some(&[1, 1, 0]), None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<DoubleType>().write_batch(&[9.5, 3.0, f64::NAN], Some(&[1, 1, 1]), None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<ByteArrayType>().write_batch(&texts(&["x", "y"]), Some(&[3, 3, 0, 0]), Some(&[0, 1, 0, 0])).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    file.close().unwrap();
    bytes
}

fn in_a_file(bytes: &[u8]) -> std::fs::File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

#[test]
fn items_with_bad_rows_are_named_by_file_and_line() {
    for (line, word) in [
        (&b"{\"title\": \"x\"}"[..], "no \"id\""),
        (b"{\"id\": null}", "no \"id\""),
        (b"{\"id\": \"  \"}", "\"id\" is empty"),
        (b"{\"id\": 1.5}", "whole number"),
        (b"{\"id\": [1]}", "whole number"),
        (b"{\"id\": \"good\"}", "stands on line 1 already"),
        (b"{\"id\": \"a\xff\"}", "broken UTF-8 at byte 10"),
        (b"{\"id\": \"a\", \"price\": NaN}", "NaN and Infinity are not JSON"),
        (b"{\"id\": \"a\", \"price\": -Infinity}", "NaN and Infinity are not JSON"),
        (b"{\"id\": \"a\", \"price\": 1e999}", "not JSON"),
        (b"{\"id\": \"a\", \"price\": \"NaN\"}", "expected a finite number"),
        (b"{\"id\": \"a\", \"price\": \"cheap\"}", "\"cheap\""),
        (b"{\"id\": \"a\", \"price\": [1]}", "\"price\" is a list"),
        (b"{\"id\": \"a\", \"title\": {\"en\": \"x\"}}", "\"title\" is a object"),
        (b"{\"id\": \"a\", \"tags\": 3}", "\"tags\" is a number"),
        (b"{\"id\": \"a\", \"tags\": [[\"x\"]]}", "\"tags\" holds a list"),
        (b"{\"id\": \"a\", \"published\": true}", "\"published\""),
        (b"[1, 2]", "a JSON list"),
        (b"\"text\"", "a JSON text"),
        (b"{\"id\": \"a\"", "not JSON"),
        (b"{\"id\": \"a\"} {}", "not JSON"),
        (b"{\"id\": \"a\", \"\": 1}", "field name"),
    ] {
        let found = reason(line);
        assert!(found.contains(word), "{word}: {found}");
    }
    assert!(reason(format!("{{\"id\": \"{}\"}}", "x".repeat(1025)).as_bytes()).contains("1025 bytes"));
    let deep = format!("{{\"id\": \"a\", \"x\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(reason(deep.as_bytes()).contains("not JSON"));
}

#[test]
fn items_with_bad_rows_stop_unless_they_may_be_skipped() {
    let lines: String = (0..100).map(|at| if at % 2 == 0 { format!("{{\"id\": {at}}}\n") } else { "{}\n".into() }).collect();
    let error = json_lines(lines.as_bytes(), false).unwrap_err().to_string();
    assert!(error.starts_with("50 rows of items.jsonl can't be used:\n  items.jsonl, line 2: no \"id\""), "{error}");
    assert!(error.contains("and 30 more") && error.contains("--skip-bad"), "{error}");
    let (items, bad) = json_lines(lines.as_bytes(), true).unwrap();
    assert_eq!((items.len(), bad.rows, bad.named.len()), (50, 50, 20));
    for nothing in [&b""[..], b"\n\n  \n", b"{}\n"] {
        assert!(json_lines(nothing, true).unwrap_err().to_string().contains("holds no item"));
    }
}

#[test]
fn items_in_a_json_list_are_told_from_json_lines() {
    let error = json_lines(b"[\n{\"id\": 1}\n]", true).unwrap_err().to_string();
    assert!(error.contains("one object a line"), "{error}");
}

#[test]
fn items_with_a_line_past_the_limit_are_passed_over_not_gathered() {
    let mut bytes = b"{\"id\": 1}\n{\"id\": 2, \"title\": \"".to_vec();
    bytes.resize(bytes.len() + MAX_LINE, b'x');
    bytes.extend_from_slice(b"\"}\n{\"id\": 3}\n");
    let (items, bad) = json_lines(&bytes, true).unwrap();
    assert_eq!(items.iter().map(|i| i.key.as_str()).collect::<Vec<_>>(), ["1", "3"]);
    assert!(bad.named[0].starts_with("items.jsonl, line 2: the line is longer"), "{}", bad.named[0]);
}

#[test]
fn items_of_two_megabytes_are_kept_whole_and_cut_for_the_encoder_only() {
    let long = "漢字 ".repeat(300_000);
    let item = item(json!({"id": "a", "title": "t", "description": long}));
    assert_eq!(item.fields["description"].as_str().unwrap().len(), long.len());
    let text = Template::default().text(&item);
    assert_eq!(text.chars().count(), MAX_TEXT);
    assert!(text.starts_with("t. 漢字 漢字"));
}

#[test]
fn items_become_sentences_for_the_encoder() {
    let full = item(json!({"id": 1, "description": "For snow", "tags": "winter| wool |", "title": " Warm boots! ", "categories": ["shoes"], "price": 3, "color": "red"}));
    assert_eq!(Template::default().text(&full), "Warm boots! shoes. winter, wool. For snow.");
    let chosen = Template { fields: vec!["color".into(), "price".into(), "missing".into()] };
    assert_eq!(chosen.text(&full), "red. 3.");
    assert_eq!(Template::default().text(&item(json!({"id": 1, "title": "", "tags": []}))), "");
}

#[test]
fn items_lose_empty_fields_and_keep_the_rest() {
    let kept = item(json!({"id": "a", "title": " ", "url": null, "tags": [], "price": " ", "note": "", "list": [], "year": 1995.0, "on": false, "deep": {"a": [1]}}));
    assert_eq!(Value::Object(kept.fields), json!({"year": 1995, "on": false, "deep": {"a": [1]}}));
}

#[test]
fn items_of_csv_with_a_bad_header_or_encoding_are_refused() {
    for (bytes, word) in [
        (&b"id,title,id\n1,a,b\n"[..], "stands twice"),
        (b"id,,title\n1,a,b\n", "column 2"),
        (b"id,t\xff\n1,a\n", "broken UTF-8"),
    ] {
        let error = csv(bytes, true).unwrap_err().to_string();
        assert!(error.contains(word), "{word}: {error}");
    }
    let (items, bad) = csv(b"id,title\n1,a\n2,b\xff\n3\n4,c,d\n5,e\n", true).unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(bad.named, [
        "items.csv, line 3: broken UTF-8 at byte 2 of field \"title\"",
        "items.csv, line 4: 1 fields, the header has 2; is a quote missing?",
        "items.csv, line 5: 3 fields, the header has 2; is a quote missing?",
    ]);
    let error = csv(b"name,title\n1,a\n", false).unwrap_err().to_string();
    assert!(error.contains("line 1: no column is named `id` (the first: `name`, `title`)"), "{error}");
}

#[test]
fn items_file_names_decide_the_format() {
    assert_eq!(Shape::of("a/b.JSONL").unwrap(), Shape::JsonLines);
    assert_eq!(Shape::of("b.tsv").unwrap(), Shape::Separated(b'\t'));
    assert_eq!(Shape::of("b.parquet").unwrap(), Shape::Parquet);
    assert!(Shape::of("b.xlsx").unwrap_err().to_string().contains(".csv"));
}
