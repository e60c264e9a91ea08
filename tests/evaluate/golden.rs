//! Metric parity with ranx 0.3 on 1,000 random rankings with ties and empty users, made by
//! `tests/reference/ranking_golden.py`.

use palate::evaluate::judge::judge;
use palate::evaluate::metrics;
use serde_json::Value;

/// Largest difference to the reference.
const TOLERANCE: f64 = 1e-9;

#[test]
fn metrics_equal_ranx() {
    let golden: Value = serde_json::from_str(include_str!("ranking_golden.json")).expect("golden file");
    let cases = golden["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 1000);
    let ranks: Vec<Vec<u32>> = cases
        .iter()
        .map(|case| {
            let scores: Vec<f32> = case["s"].as_array().expect("scores").iter().map(|s| s.as_f64().unwrap() as f32).collect();
            let targets: Vec<u32> = case["t"].as_array().expect("targets").iter().map(|t| t.as_u64().unwrap() as u32).collect();
            judge(&scores, &targets, 20).ranks
        })
        .collect();
    assert!(ranks.iter().filter(|r| r.is_empty()).count() > 10, "the golden cases hold empty users");
    let of = |name: &str| -> fn(&[u32], usize) -> f64 {
        match name {
            "hit_rate" => metrics::hit_rate,
            "recall" => metrics::recall,
            "precision" => metrics::precision,
            "ndcg" => metrics::ndcg,
            "mrr" => metrics::mrr,
            "map" => metrics::average_precision,
            other => panic!("no metric {other}"),
        }
    };
    let means = golden["means"].as_object().expect("means");
    assert_eq!(means.len(), 24);
    for (name, mean) in means {
        let (metric, k) = name.split_once('@').expect("name@k");
        let (metric, k) = (of(metric), k.parse().expect("k"));
        let values: Vec<f64> = ranks.iter().map(|r| metric(r, k)).collect();
        let ours = values.iter().sum::<f64>() / values.len() as f64;
        assert!((ours - mean.as_f64().unwrap()).abs() < TOLERANCE, "{name}: {ours} against {mean}");
        for (user, theirs) in golden["users"][name].as_array().expect("users").iter().enumerate() {
            assert!((values[user] - theirs.as_f64().unwrap()).abs() < TOLERANCE, "{name} of user {user}");
        }
    }
}
