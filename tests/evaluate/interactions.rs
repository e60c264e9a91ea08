//! Interactions in: every layout gives the same rows, and what is wrong is named by file and line.

use palate::evaluate::dataset::{Interactions, Keys};
use palate::publish::interaction_text::read_text;
use palate::publish::interactions::{ReadOptions, parse_time};

fn rows(data: &Interactions) -> Vec<(String, String, i64, f32)> {
    let name = |r: palate::evaluate::dataset::Interaction| {
        (data.users.name(r.user).to_owned(), data.items.name(r.item).to_owned(), r.time, r.value)
    };
    data.rows.iter().map(name).collect()
}

fn read(text: &str) -> Interactions {
    read_text("file", text.as_bytes(), ReadOptions::default()).expect("readable").0
}

fn fault(text: &str) -> String {
    read_text("ratings.csv", text.as_bytes(), ReadOptions::default()).expect_err("unreadable").to_string()
}

#[test]
fn interactions_read_alike_from_every_layout() {
    let expected = rows(&read("user,item,timestamp,rating\na,x,10,4.5\nb,y,11,3\n"));
    assert_eq!(expected[0], ("a".into(), "x".into(), 10, 4.5));
    for text in [
        "userId,movieId,rating,timestamp\r\na,x,4.5,10\r\nb,y,3,11\r\n",
        "\u{feff}\"user\",\"item\",\"rating\",\"timestamp\"\n\"a\",\"x\",\"4.5\",10\n\"b\",\"y\",3,11\n",
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\na\tx\t4.5\t10\nb\ty\t3\t11.0\n",
        "a::x::4.5::10\nb::y::3::11\n",
        "{\"user\":\"a\",\"item\":\"x\",\"rating\":4.5,\"timestamp\":10}\n\n{\"item\":\"y\",\"user\":\"b\",\"rating\":3,\"timestamp\":11}\n",
        "item;user;timestamp;rating\nx;a;1970-01-01T00:00:10Z;4.5\ny;b;1970-01-01 00:00:11;3\n",
    ] {
        assert_eq!(rows(&read(text)), expected, "{text}");
    }
}

#[test]
fn interactions_read_sequences_in_order() {
    let data = read("1 5 3 9\n2 5 7\n");
    assert_eq!((data.users.len(), data.items.len(), data.rows.len()), (2, 4, 5));
    assert!(data.rows.iter().zip(data.rows.iter().skip(1)).all(|(a, b)| a.time < b.time));
    assert!(!data.has_time && !data.has_rating);
}

#[test]
fn interactions_read_movielens_tables_without_a_header() {
    let data = read("196\t242\t3\t881250949\n186\t302\t3\t891717742\n");
    assert!(data.has_time && data.has_rating);
    assert_eq!(data.rows.get(1).time, 891_717_742);
}

#[test]
fn interactions_weigh_events() {
    let data = read("user,item,event\na,x,view\na,y,purchase\na,z,dislike\n");
    assert_eq!(rows(&data).iter().map(|r| r.3).collect::<Vec<_>>(), [0.5, 3.0, -1.0]);
}

#[test]
fn interactions_name_file_and_line_of_what_is_wrong() {
    for (text, line, why) in [
        ("user,item,rating\na,x,4\na,y,lots\n", 3, "not a number"),
        ("user,item,rating\na,x,4\n\na,,3\n", 4, "missing"),
        ("user,item,timestamp\na,x,10\na,y,-4\n", 3, "not a time"),
        ("user,item,timestamp\na,x,10\na,y,2020-13-01\n", 3, "not a time"),
        ("user,item,rating\na,x,inf\n", 2, "finite"),
        ("user,item,event\na,x,sneeze\n", 2, "not one of"),
        ("{\"user\":\"a\",\"item\":\"x\"}\n{\"user\":\"a\"\n", 2, "not a JSON object"),
        ("{\"user\":\"a\",\"item\":\"x\"}\n{\"user\":\"a\"}\n", 2, "no user and item"),
        ("name,score\na,3\n", 1, "names no user and item"),
    ] {
        let text = fault(text);
        assert!(text.contains(&format!("ratings.csv, line {line}")) && text.contains(why), "{text}");
    }
    assert!(fault("").contains("ratings.csv is empty"));
    assert!(fault("user,item\n").contains("no usable interaction"));
}

#[test]
fn interactions_find_ratings_outside_the_scale() {
    let mut text = String::from("user,item,rating\n");
    (0..400).for_each(|i| text.push_str(&format!("u{i},x,{}\n", 1 + i % 5)));
    text.push_str("u,y,55\n");
    assert!(fault(&text).contains("line 402: the rating 55 is outside 0 to 5"), "{}", fault(&text));
    let options = ReadOptions { scale: Some((2.0, 5.0)), ..ReadOptions::default() };
    let error = read_text("f", text.as_bytes(), options).expect_err("outside").to_string();
    assert!(error.contains("line 2: the rating 1 is outside 2 to 5"), "{error}");
    let options = ReadOptions { skip_bad: true, ..ReadOptions::default() };
    let (data, skipped) = read_text("f", text.as_bytes(), options).expect("skips");
    assert_eq!((data.rows.len(), skipped.rows), (400, 1));
}

#[test]
fn interactions_with_skip_bad_count_what_is_left_out() {
    let options = ReadOptions { skip_bad: true, ..ReadOptions::default() };
    let (data, skipped) = read_text("f", "user,item,rating\na,x,4\na,y,?\n,z,3\n".as_bytes(), options).expect("skips");
    assert_eq!((data.rows.len(), skipped.rows), (1, 2));
    assert!(skipped.first[0].contains("f, line 3"));
}

#[test]
fn interactions_stay_within_the_catalog_and_the_user_limit() {
    let mut catalog = Keys::default();
    catalog.intern("x");
    let options = ReadOptions { numbered: catalog, known_only: true, ..ReadOptions::default() };
    let error = read_text("f", "user,item\na,x\na,ghost\n".as_bytes(), options).expect_err("unknown").to_string();
    assert!(error.contains("f, line 3") && error.contains("`ghost` is not in the items file"), "{error}");
    let options = ReadOptions { max_user_rows: 3, ..ReadOptions::default() };
    let text = format!("user,item\n{}", "a,x\n".repeat(5));
    let error = read_text("f", text.as_bytes(), options).expect_err("robot").to_string();
    assert!(error.contains("f, line 5") && error.contains("more than 3 rows"), "{error}");
    let options = ReadOptions { require_time_order: true, ..ReadOptions::default() };
    let error = read_text("f", "user,item,ts\na,x,5\nb,x,1\na,y,4\n".as_bytes(), options).expect_err("order").to_string();
    assert!(error.contains("f, line 4: time goes backwards"), "{error}");
}

#[test]
fn times_parse() {
    assert_eq!(parse_time("2020-02-29"), Some(1_582_934_400));
    assert_eq!(parse_time("1999-12-31 23:59:59"), Some(946_684_799));
    assert_eq!(parse_time("12.9"), Some(12));
    assert_eq!(parse_time("yesterday"), None);
}
