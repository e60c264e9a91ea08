//! The report of `palate evaluate` as one file: HTML with plots inside, or Markdown.
//!
//! Nothing is fetched: style and plots stand in the file. Not here: drawing (`plot`), measuring (`evaluate`).

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use palate::evaluate::report::Figures;
use palate::math::stats::Interval;
use palate::platform::native::files::write_atomic;
use palate::{Error, Result};

use crate::evaluation::{Evaluation, Outcome, number};
use crate::plot::{Axis, Point, bars, escaped, round, scatter};
use crate::terminal::size;

const STYLE: &str = include_str!("evaluation_page.css");

/// The kind of file that a report becomes, by its ending.
///
/// # Errors
/// [`Error::Input`] for an ending that is neither, so that nothing is measured in vain.
pub fn is_html(path: &Path) -> Result<bool> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("html" | "htm") => Ok(true),
        Some("md" | "markdown") => Ok(false),
        _ => Err(Error::input(format!("The report {} ends in neither .html nor .md. Give one of these.", path.display()))),
    }
}

/// Writes the report.
pub fn write(path: &Path, evaluation: &Evaluation) -> Result<()> {
    let text = if is_html(path)? { html(evaluation) } else { markdown(evaluation) };
    write_atomic(path, text.as_bytes())
}

fn at(figures: &Figures, name: &str) -> Option<(f64, f64, f64)> {
    figures.metrics.get(name).map(|i| (i.value, i.low, i.high))
}

/// What a difference says: better, worse, or neither for sure; whether more is better is the metric's.
fn verdict(difference: &Interval) -> &'static str {
    if difference.low > 0.0 {
        "higher"
    } else if difference.high < 0.0 {
        "lower"
    } else {
        "same"
    }
}

fn signed(value: f64) -> String {
    format!("{}{}", if value < 0.0 { "−" } else { "+" }, number(value.abs()))
}

/// All metric names, cutoffs in their order.
fn names(evaluation: &Evaluation) -> Vec<String> {
    let all: BTreeSet<&String> = evaluation.outcomes.iter().flat_map(|o| o.figures.metrics.keys()).collect();
    let mut names: Vec<String> = all.into_iter().cloned().collect();
    // "ndcg@10" before "ndcg@100", and segments behind their metric.
    let key = |name: &String| {
        let (stem, rest) = name.split_once('@').unwrap_or((name, "0"));
        let (k, segment) = rest.split_once('/').unwrap_or((rest, ""));
        (stem.to_owned(), k.parse::<usize>().unwrap_or(0), segment.to_owned())
    };
    names.sort_by_key(key);
    names
}

fn facts(evaluation: &Evaluation) -> String {
    let mut text = format!("{} people tested, learned from {}, seen items excluded, all items ranked, seed {}.", evaluation.users(), evaluation.fit, evaluation.seed);
    if let Some(base) = evaluation.base() {
        let _ = write!(text, " Differences are to {}, paired by person.", base.method);
    }
    text
}

/// The three plots: title, what it says, SVG.
fn plots(evaluation: &Evaluation) -> Vec<(&'static str, String, String)> {
    let k = evaluation.cutoffs.first().copied().unwrap_or(10);
    let longest = evaluation.cutoffs.iter().copied().max().unwrap_or(10);
    let marked = |o: &Outcome| o.method == "hybrid";
    let point = |o: &Outcome, x: (f64, f64, f64), y: &str| Some(Point { label: o.method.clone(), x, y: at(&o.figures, y)?, marked: marked(o) });
    let mut plots = Vec::new();

    let recall = format!("recall@{longest}");
    let sized = |o: &Outcome| { let bytes = (o.download_bytes as f64).max(1.0); point(o, (bytes, bytes, bytes), &recall) };
    let points: Vec<Point> = evaluation.outcomes.iter().filter_map(sized).collect();
    if !points.is_empty() {
        let x = Axis { name: "download for the device".into(), log: true, say: |bytes| size(bytes as u64).replace(".0 ", " ") };
        let y = Axis { name: recall.clone(), log: false, say: round };
        let svg = scatter("plot-size", &format!("{recall} against download size"), &x, &y, &points);
        plots.push(("What quality costs to download", format!("{recall} against bytes; up and to the left is better."), svg));
    }
    let (coverage, ndcg) = (format!("coverage@{k}"), format!("ndcg@{k}"));
    let covered = |o: &Outcome| point(o, at(&o.figures, &ndcg)?, &coverage);
    let points: Vec<Point> = evaluation.outcomes.iter().filter_map(covered).collect();
    if !points.is_empty() {
        let axis = |name: &str| Axis { name: name.into(), log: false, say: round };
        let svg = scatter("plot-coverage", &format!("{coverage} against {ndcg}"), &axis(&ndcg), &axis(&coverage), &points);
        plots.push(("Accuracy and breadth", format!("The share of the catalog in anybody's first {k} against {ndcg}; up and to the right is better."), svg));
    }
    let kl = format!("calibration_kl@{k}");
    let values: Vec<(String, (f64, f64, f64), bool)> = evaluation.outcomes.iter().filter_map(|o| Some((o.method.clone(), at(&o.figures, &kl)?, marked(o)))).collect();
    if !values.is_empty() {
        let svg = bars("plot-calibration", "calibration by method", &format!("{kl}: divergence from the person's own mix"), &values);
        plots.push(("Calibration", "How far a list's mix of categories is from the person's own; shorter is better.".into(), svg));
    }
    plots
}

fn html(evaluation: &Evaluation) -> String {
    let mut page = String::new();
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<title>How good the rankings are: {protocol}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<header><p class=\"kicker\">palate evaluate · {protocol}</p><h1>How good the rankings are</h1><p class=\"lead\">{statement}.</p><p class=\"soft\">{facts}</p></header>\n",
        protocol = escaped(&evaluation.protocol),
        statement = escaped(&sentence(&evaluation.statement)),
        facts = escaped(&facts(evaluation)),
    );
    let headline = evaluation.headline();
    page.push_str("<section aria-labelledby=\"summary\"><h2 id=\"summary\">In short</h2>\n<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Summary table\"><table><thead><tr><th scope=\"col\">method</th>");
    headline.iter().for_each(|name| { let _ = write!(page, "<th scope=\"col\">{}</th>", escaped(name)); });
    page.push_str("<th scope=\"col\">download</th><th scope=\"col\">ms</th><th scope=\"col\">training</th></tr></thead><tbody>\n");
    for outcome in &evaluation.outcomes {
        head(&mut page, evaluation, outcome);
        let versus = evaluation.differences(outcome);
        for name in &headline {
            cell(&mut page, outcome.figures.metrics.get(name), versus.as_ref().and_then(|v| v.get(name)));
        }
        let _ = writeln!(page, "<td>{}</td><td>{:.3}</td><td>{:.1} s</td></tr>", size(outcome.download_bytes as u64), outcome.figures.ms_per_recommendation, outcome.train_seconds);
    }
    page.push_str("</tbody></table></div></section>\n<section aria-labelledby=\"plots\"><h2 id=\"plots\">Trade-offs</h2><div class=\"plots\">\n");
    for (title, caption, svg) in plots(evaluation) {
        let _ = writeln!(page, "<figure><h3>{title}</h3>{svg}<figcaption>{}</figcaption></figure>", escaped(&caption));
    }
    page.push_str("</div></section>\n<section aria-labelledby=\"all\"><h2 id=\"all\">Every metric</h2>\n<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"All metrics\"><table><thead><tr><th scope=\"col\">metric</th>");
    evaluation.outcomes.iter().for_each(|o| { let _ = write!(page, "<th scope=\"col\">{}</th>", escaped(&o.method)); });
    page.push_str("</tr></thead><tbody>\n");
    let versus: Vec<_> = evaluation.outcomes.iter().map(|o| evaluation.differences(o)).collect();
    for name in names(evaluation) {
        let _ = write!(page, "<tr><th scope=\"row\">{}</th>", escaped(&name));
        for (outcome, versus) in evaluation.outcomes.iter().zip(&versus) {
            cell(&mut page, outcome.figures.metrics.get(&name), versus.as_ref().and_then(|v| v.get(&name)));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table></div>\n");
    let note = "Small print below a value: its 95 % bootstrap interval over people. Where there is a baseline, the last line is the difference to it: an arrow says that its interval excludes 0.";
    let _ = write!(page, "<p class=\"soft\">{note}</p></section>\n</main>\n</body>\n</html>\n");
    page
}

fn head(page: &mut String, evaluation: &Evaluation, outcome: &Outcome) {
    let base = evaluation.base().is_some_and(|base| base.method == outcome.method);
    let _ = write!(page, "<tr{}><th scope=\"row\">{}{}</th>", if outcome.method == "hybrid" { " class=\"marked\"" } else { "" }, escaped(&outcome.method), if base { " <small>baseline</small>" } else { "" });
}

fn cell(page: &mut String, value: Option<&Interval>, difference: Option<&Interval>) {
    let Some(i) = value else {
        page.push_str("<td class=\"none\">–</td>");
        return;
    };
    let _ = write!(page, "<td>{} <small>{} to {}</small>", number(i.value), number(i.low), number(i.high));
    if let Some(d) = difference {
        let verdict = verdict(d);
        let arrow = match verdict { "higher" => "▲ ", "lower" => "▼ ", _ => "" };
        let _ = write!(page, "<small class=\"{verdict}\">{arrow}{}</small>", signed(d.value));
    }
    page.push_str("</td>");
}

fn markdown(evaluation: &Evaluation) -> String {
    let mut page = format!("# How good the rankings are\n\n`{}`: {}.\n\n{}\n\n", evaluation.protocol, sentence(&evaluation.statement), facts(evaluation));
    let headline = evaluation.headline();
    let _ = writeln!(page, "| method | {} | download | ms | training |\n| --- |{} --- | --- | --- |", headline.join(" | "), " --- |".repeat(headline.len()));
    for outcome in &evaluation.outcomes {
        let versus = evaluation.differences(outcome);
        let cells: Vec<String> = headline.iter().map(|name| plain(outcome.figures.metrics.get(name), versus.as_ref().and_then(|v| v.get(name)))).collect();
        let _ = writeln!(page, "| {} | {} | {} | {:.3} | {:.1} s |", outcome.method, cells.join(" | "), size(outcome.download_bytes as u64), outcome.figures.ms_per_recommendation, outcome.train_seconds);
    }
    let k = evaluation.cutoffs.first().copied().unwrap_or(10);
    let longest = evaluation.cutoffs.iter().copied().max().unwrap_or(10);
    let mut drawn = |title: &str, name: &str, beside: &dyn Fn(&Outcome) -> String| {
        let most = evaluation.outcomes.iter().filter_map(|o| o.figures.metrics.get(name)).fold(0.0, |most: f64, i| most.max(i.value));
        if most <= 0.0 {
            return;
        }
        let _ = writeln!(page, "\n## {title}\n\n```");
        for o in &evaluation.outcomes {
            if let Some(i) = o.figures.metrics.get(name) {
                let bar = "█".repeat((30.0 * i.value / most).round().max(0.0) as usize);
                let _ = writeln!(page, "{:<14} {bar:<30} {:>7}  {}", o.method, number(i.value), beside(o));
            }
        }
        page.push_str("```\n");
    };
    drawn(&format!("recall@{longest} against download size"), &format!("recall@{longest}"), &|o| size(o.download_bytes as u64));
    let ndcg = format!("ndcg@{k}");
    drawn(&format!("coverage@{k} against {ndcg}"), &format!("coverage@{k}"), &|o| o.figures.metrics.get(&ndcg).map_or(String::new(), |i| format!("{ndcg} {}", number(i.value))));
    drawn("Calibration (divergence from the person's own mix: less is better)", &format!("calibration_kl@{k}"), &|_| String::new());
    let methods: Vec<&str> = evaluation.outcomes.iter().map(|o| o.method.as_str()).collect();
    let _ = writeln!(page, "\n## Every metric\n\n| metric | {} |\n| --- |{}", methods.join(" | "), " --- |".repeat(methods.len()));
    let versus: Vec<_> = evaluation.outcomes.iter().map(|o| evaluation.differences(o)).collect();
    for name in names(evaluation) {
        let cells: Vec<String> = evaluation.outcomes.iter().zip(&versus).map(|(o, v)| plain(o.figures.metrics.get(&name), v.as_ref().and_then(|v| v.get(&name)))).collect();
        let _ = writeln!(page, "| {name} | {} |", cells.join(" | "));
    }
    page.push_str("\nIn brackets: the 95 % bootstrap interval over people. ▲ and ▼: the difference to the baseline, where its interval excludes 0.\n");
    page
}

fn plain(value: Option<&Interval>, difference: Option<&Interval>) -> String {
    let Some(i) = value else { return "–".into() };
    let arrow = difference.map_or(String::new(), |d| match verdict(d) {
        "higher" => format!(" ▲ {}", signed(d.value)),
        "lower" => format!(" ▼ {}", signed(d.value)),
        _ => String::new(),
    });
    format!("{} ({}–{}){arrow}", number(i.value), number(i.low), number(i.high))
}

/// With a capital, without a full stop.
fn sentence(text: &str) -> String {
    let text = text.trim().trim_end_matches('.');
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
