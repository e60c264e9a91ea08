//! What every subcommand shows on a terminal: bars, sizes, marks, errors.
//!
//! Progress and notes go to stderr, results to stdout, so that a pipe gets results alone. Colors only on a terminal
//! and without `NO_COLOR`.

use std::fmt;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use palate::{Error, Result};

/// A bar for `total` of something, silent where stderr is no terminal.
pub fn bar(total: usize, what: &str) -> ProgressBar {
    let bar = ProgressBar::new(total as u64).with_message(what.to_string());
    let style = "{msg:<18} {bar:32.cyan/dim} {human_pos:>7} of {human_len}  {rate:.dim}  {eta:.dim} left";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style.progress_chars("━╸─").with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
            let digits = usize::from(state.per_sec() < 10.0);
            let _ = write!(out, "{:.digits$}/s", state.per_sec());
        }));
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// A spinner for a step of unknown length: how many of what it counts, else how long it has been going.
pub fn spinner(what: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(what.to_string());
    if let Ok(style) = ProgressStyle::with_template("{spinner:.cyan} {msg} {so_far:.dim}") {
        bar.set_style(style.with_key("so_far", |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = match state.pos() {
                0 => write!(out, "{} s", state.elapsed().as_secs()),
                position => write!(out, "{}", count(position as usize)),
            };
        }));
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// A size as people read it: `812 B`, `22.9 MB` (a thousand bytes to the kB, as browsers count).
pub fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 999.5 || unit == "GB" {
            return if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1000.0;
    }
    format!("{bytes} B")
}

/// A whole number with thin groups: `9,742`.
pub fn count(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|g| std::str::from_utf8(g).ok()).collect();
    groups.join(",")
}

/// How many of what: `1 row`, `9,742 rows`.
pub fn counted(number: usize, one: &str) -> String {
    format!("{} {one}{}", count(number), if number == 1 { "" } else { "s" })
}

fn color(code: &str, text: &str, on: bool) -> String {
    if on && std::env::var_os("NO_COLOR").is_none() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
}

/// Bold on stdout.
pub fn bold(text: &str) -> String {
    color("1", text, std::io::stdout().is_terminal())
}

/// Dim on stdout.
pub fn dim(text: &str) -> String {
    color("2", text, std::io::stdout().is_terminal())
}

/// A green mark on stdout.
pub fn tick() -> String {
    color("32", "✓", std::io::stdout().is_terminal())
}

/// A red mark on stdout.
pub fn cross() -> String {
    color("31", "✗", std::io::stdout().is_terminal())
}

/// A remark on stderr.
pub fn note(text: &str) {
    eprintln!("{} {text}", color("33", "note:", std::io::stderr().is_terminal()));
}

/// The error that ends the command.
pub fn fail(error: &Error) {
    eprintln!("{} {error}", color("1;31", "error:", std::io::stderr().is_terminal()));
}

/// Text cut to so many characters, the end marked.
pub fn clip(text: &str, most: usize) -> String {
    let flat: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if flat.chars().count() <= most {
        return flat;
    }
    flat.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// A line of results. A reader that went away (`| head`) ends the command quietly.
pub fn line(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}") {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(e) => Err(Error::Storage(format!("Cannot write to standard output: {e}."))),
    }
}
