//! `palate evaluate`: reports, the search for hyper-parameters, and what stops it before anything is measured.

use std::fmt::Write;

use serde_json::Value;

use super::Shop;

/// 120 people who walk along four rings of eight items each, and the items with their rings as categories.
fn crowd(shop: &Shop) {
    let mut rows = String::from("user,item,timestamp\n");
    for user in 0..120 {
        for step in 0..6 {
            let _ = writeln!(rows, "u{user},i{}-{},{}", user % 4, (user / 4 + step) % 8, 1000 + step);
        }
    }
    shop.file("crowd.csv", rows.as_bytes());
    let item = |n: usize| format!("{{\"id\": \"i{}-{}\", \"title\": \"thing\", \"categories\": [\"ring <{}>\"]}}\n", n / 8, n % 8, n / 8);
    shop.file("things.jsonl", (0..32).map(item).collect::<String>().as_bytes());
}

const RUN: [&str; 9] = ["evaluate", "--items", "things.jsonl", "--interactions", "crowd.csv", "--method", "popularity,ease,transitions", "--baseline", "popularity"];

fn run(shop: &Shop, more: &[&str]) -> super::Ran {
    shop.ok(&[&RUN[..], more].concat())
}

#[test]
fn evaluate_report_is_one_page_with_every_metric_and_its_difference() {
    let shop = Shop::new();
    crowd(&shop);
    let found = &run(&shop, &["--report", "report.html", "--json"]).json()[0];
    let page = std::fs::read_to_string(shop.at("report.html")).unwrap();
    for outside in ["http:", "https:", "src=", "<link", "<script", "@import", "url("] {
        assert!(!page.contains(outside), "{outside} is in the page");
    }
    assert_eq!(page.matches("<svg").count(), 3, "size, coverage, calibration");
    assert!(page.contains("prefers-color-scheme: dark") && page.contains("<html lang=\"en\">") && page.contains("baseline"));
    let results = found["results"].as_array().unwrap();
    assert_eq!(results.len(), 3);
    for (name, value) in results[2]["metrics"].as_object().unwrap() {
        assert!(page.contains(&format!("<th scope=\"row\">{name}</th>")), "{name} has no row");
        let number = value["value"].as_f64().unwrap();
        let shown = if number.abs() < 1.0 { format!("{number:.4}") } else { format!("{number:.2}") };
        assert!(page.contains(&shown), "{name} {shown}");
    }
    // Transitions know the next step, popularity does not: the arrow says so.
    assert!(results[2]["difference"]["metrics"]["hr@10"]["low"].as_f64().unwrap() > 0.0);
    assert!(page.contains("class=\"higher\">▲ +"));
    assert!(page.contains("<title id=\"plot-size\">recall@20 against download size</title>"));
}

#[test]
fn evaluate_tells_differences_below_the_table_and_pooled_folds() {
    let shop = Shop::new();
    crowd(&shop);
    let ran = run(&shop, &["-k", "5,10", "--protocol", "strong", "--folds", "2"]);
    let table = &ran.out;
    for name in ["ease", "transitions"] {
        let line = table.lines().find(|line| line.starts_with(&format!("{name} against popularity: "))).unwrap();
        for metric in ["recall@5", "recall@10", "ndcg@5", "ndcg@10"] {
            assert!(line.contains(&format!("{metric} +0.")), "{line}");
        }
    }
    assert!(!table.contains("popularity against"));
    let found = &run(&shop, &["--protocol", "strong", "--folds", "2", "--json"]).json()[0];
    let statement = found["statement"].as_str().unwrap();
    assert!(statement.contains("2 folds pooled") && !statement.contains("fold 2 of"), "{statement}");
    assert_eq!(found["users"], 48, "two times a fifth of the people");
}

#[test]
fn evaluate_all_leaves_out_what_the_data_do_not_allow_and_says_so() {
    let shop = Shop::new();
    crowd(&shop);
    let ran = shop.ok(&["evaluate", "--interactions", "crowd.csv", "--method", "all", "--protocol", "strong", "--folds", "2", "--json"]);
    let methods: Vec<String> = ran.json()[0]["results"].as_array().unwrap().iter().map(|result| result["method"].as_str().unwrap().into()).collect();
    assert_eq!(methods, ["popularity", "item-knn", "ease", "transitions", "ials", "user-clusters", "sequence", "hybrid"]);
    for name in ["ease-content", "content", "content-map"] {
        assert!(ran.err.contains(&format!("{name}: left out. The method `{name}` needs item content")), "{}", ran.err);
    }
    shop.fails(&["evaluate", "--interactions", "crowd.csv", "--method", "content"], &["needs item content"]);
}

#[test]
fn evaluate_report_in_markdown_says_the_same() {
    let shop = Shop::new();
    crowd(&shop);
    run(&shop, &["--report", "deep/report.md", "-k", "5,10"]);
    let page = std::fs::read_to_string(shop.at("deep/report.md")).unwrap();
    assert!(page.starts_with("# How good the rankings are"));
    for part in ["## recall@10 against download size", "## coverage@5 against ndcg@5", "## Calibration", "## Every metric", "| ndcg@5 |", "| transitions |", "▲ +"] {
        assert!(page.contains(part), "{part} is missing in\n{page}");
    }
    let columns = |line: &str| line.matches(" | ").count();
    let table: Vec<&str> = page.lines().skip_while(|line| !line.starts_with("## Every")).filter(|line| line.starts_with("| ")).collect();
    assert!(table.iter().all(|line| columns(line) == columns(table[0])), "every row has as many cells");
}

#[test]
fn evaluate_refuses_a_report_of_another_kind_before_it_measures() {
    let shop = Shop::new();
    shop.fails(&["evaluate", "--interactions", "missing.csv", "--report", "report.pdf"], &["report.pdf", ".html nor .md"]);
    assert!(!shop.at("report.pdf").exists());
}

#[test]
fn evaluate_tunes_and_its_settings_serve_again() {
    let shop = Shop::new();
    crowd(&shop);
    let ran = run(&shop, &["--tune", "9", "--settings-out", "found.json", "--json"]);
    assert!(ran.err.contains("tune: 2 methods, at most 13 trainings each"), "{}", ran.err);
    let tuned = &ran.json()[0]["tuned"];
    let file: Value = serde_json::from_slice(&std::fs::read(shop.at("found.json")).unwrap()).unwrap();
    assert_eq!(tuned["settings"], file);
    for method in tuned["methods"].as_array().unwrap() {
        assert!(method["quality"].as_f64() >= method["quality_before"].as_f64(), "{method}");
    }
    let metrics = |ran: &super::Ran| ran.json()[0]["results"].as_array().unwrap().iter().map(|r| r["metrics"].clone()).collect::<Vec<_>>();
    let again = run(&shop, &["--settings", "found.json", "--json"]);
    // EASE's own choice among a few lambdas starts from what was found.
    assert_eq!(metrics(&again), metrics(&ran));
    shop.file("odd.json", b"{\"ease_lambda\": \"much\"}");
    shop.fails(&[&RUN[..], &["--settings", "odd.json"]].concat(), &["odd.json: ease_lambda", "Give a number"]);
    shop.file("odd.json", b"[]");
    shop.fails(&[&RUN[..], &["--settings", "odd.json"]].concat(), &["odd.json is no JSON object"]);
    shop.fails(&["build", "--items", "things.jsonl", "--interactions", "crowd.csv", "--text-model", "tiny", "--settings", "odd.json", "--out", "index"], &["odd.json is no JSON object"]);
    assert!(!shop.at("index").exists(), "nothing is half-written");
}

#[test]
fn evaluate_names_file_and_line_of_bad_interactions() {
    let shop = Shop::new();
    let fails = |name: &str, text: &str, words: &[&str]| {
        shop.file(name, text.as_bytes());
        let words: Vec<&str> = [&[name][..], words].concat();
        shop.fails(&["evaluate", "--interactions", name, "--scale", "0.5,5", "--time-order", "--report", "report.html"], &words);
        shop.fails(&["build", "--items", "items.jsonl", "--text-model", "tiny", "--interactions", name, "--scale", "0.5,5", "--time-order", "--out", "index"], &words);
        assert!(!shop.at("report.html").exists() && !shop.at("index").exists(), "nothing is half-written");
    };
    fails("high.csv", "user,item,rating\nu1,boots,4\nu1,tea,5.5\n", &["line 3", "5.5"]);
    fails("low.csv", "user,item,rating\nu1,boots,0\n", &["line 2"]);
    fails("nan.csv", "user,item,rating\nu1,boots,nan\n", &["line 2"]);
    fails("empty.csv", "", &["empty"]);
    fails("header.csv", "user,item,rating\n", &[]);
    fails("columns.csv", "user,price\nu1,3\n", &["item"]);
    fails("short.csv", "user,item,rating\nu1\n", &["line 2"]);
    fails("time.csv", "user,item,timestamp\nu1,boots,yesterday\n", &["line 2", "yesterday"]);
    fails("back.csv", "user,item,timestamp\nu1,boots,7\nu2,boots,3\nu1,tea,5\n", &["line 4", "time goes backwards", "from 7 to 5"]);
}

#[test]
fn evaluate_puts_time_in_order_whatever_the_order_of_the_file() {
    let shop = Shop::new();
    crowd(&shop);
    let forward = run(&shop, &["--json"]);
    let text = std::fs::read_to_string(shop.at("crowd.csv")).unwrap();
    let (head, rows) = text.split_once('\n').unwrap();
    // Everybody's events backwards, the people in their order.
    let mut lines: Vec<&str> = rows.lines().collect();
    lines.chunks_mut(6).for_each(<[&str]>::reverse);
    shop.file("crowd.csv", format!("{head}\n{}\n", lines.join("\n")).as_bytes());
    let backward = run(&shop, &["--json"]);
    let next = |ran: &super::Ran| ran.json()[0]["results"][2]["metrics"]["hr@10"]["value"].clone();
    assert_eq!(next(&forward), next(&backward));
}

#[test]
fn evaluate_is_not_carried_away_by_one_user_with_very_many_events() {
    let shop = Shop::new();
    crowd(&shop);
    let mut text = std::fs::read_to_string(shop.at("crowd.csv")).unwrap();
    for n in 0..300_000 {
        let _ = writeln!(text, "robot,i{}-{},{}", n % 4, n / 4 % 8, 2000 + n);
    }
    shop.file("crowd.csv", text.as_bytes());
    shop.fails(&[&RUN[..], &["--max-user-rows", "1000"]].concat(), &["crowd.csv, line 1722", "`robot` has more than 1000 rows"]);
    let ran = run(&shop, &["--json"]);
    assert!(ran.err.contains("299968 dropped: repeats of a user with an item"), "{}", ran.err);
    assert_eq!(ran.json()[0]["users"], 121);
    // An event a second is no person's.
    let ran = run(&shop, &["--json", "--max-rate", "0.5"]);
    assert!(ran.err.contains("300000 dropped: of users with an impossible rate"), "{}", ran.err);
    assert_eq!(ran.json()[0]["users"], 120);
    let built = shop.ok(&["build", "--items", "things.jsonl", "--interactions", "crowd.csv", "--text-model", "tiny", "--out", "index", "--json"]);
    assert_eq!(built.json()[0]["ranker"]["users"], 121);
    let without = ["--max-rate", "0.5", "--min-events", "2", "--latest", "5"];
    let built = shop.ok(&[&["build", "--items", "things.jsonl", "--interactions", "crowd.csv", "--text-model", "tiny", "--out", "other", "--json"][..], &without].concat());
    assert!(built.err.contains("300000 dropped: of users with an impossible rate; 120 dropped: over the limit of rows a user; 600 kept"), "{}", built.err);
    assert_eq!(built.json()[0]["ranker"]["users"], 120);
}

#[test]
fn evaluate_goes_on_with_what_a_stopped_one_learned() {
    let shop = Shop::new();
    crowd(&shop);
    // The report's folder is a file: everything is measured, and then it can't be written.
    shop.file("deep", b"in the way");
    let kept = ["--checkpoint", "kept", "--json"];
    shop.fails(&[&RUN[..], &kept, &["--report", "deep/report.md"]].concat(), &["report.md"]);
    assert!(shop.at("kept/fold0-ease.kept").is_file());
    let resumed = run(&shop, &kept);
    assert!(resumed.err.contains("ease: learned before, taken from kept") && !shop.at("kept").exists(), "{}", resumed.err);
    let whole = run(&shop, &["--json"]);
    let metrics = |ran: &super::Ran| ran.json()[0]["results"].as_array().unwrap().iter().map(|result| {
        let mut metrics = result["metrics"].clone();
        metrics.as_object_mut().unwrap().remove("ms_per_recommendation");
        metrics
    }).collect::<Vec<_>>();
    assert_eq!(metrics(&resumed), metrics(&whole));
}
