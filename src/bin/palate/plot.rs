//! Plots as inline SVG: points with intervals, and bars. Colors come from the page's style sheet.
//!
//! Not here: what is plotted (`evaluation_page`).

use std::fmt::Write;

const WIDTH: f64 = 540.0;
const HEIGHT: f64 = 340.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 28.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 50.0;
/// Mean advance of a letter of a label, in pixels.
const LETTER: f64 = 6.6;

/// A value with its interval, and how the point is to stand out.
pub struct Point {
    pub label: String,
    pub x: (f64, f64, f64),
    pub y: (f64, f64, f64),
    pub marked: bool,
}

/// An axis: its name, whether it is logarithmic, and how ticks are written.
pub struct Axis {
    pub name: String,
    pub log: bool,
    pub say: fn(f64) -> String,
}

/// Text that may stand in markup.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Ticks at round numbers that span the values: of a log axis 1, 3, 10 (or powers of ten alone), of others steps of 1, 2, 5.
pub fn ticks(low: f64, high: f64, log: bool) -> Vec<f64> {
    if log {
        let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
        let steps: &[f64] = if last - first <= 3 { &[1.0, 3.0] } else { &[1.0] };
        let all: Vec<f64> = (first..=last).flat_map(|e| steps.iter().map(move |s| s * 10f64.powi(e))).collect();
        let from = all.iter().rposition(|&t| t <= low * 1.0001).unwrap_or(0);
        let to = all.iter().position(|&t| t >= high * 0.9999).unwrap_or(all.len() - 1);
        return all[from..=to.max(from)].to_vec();
    }
    let span = (high - low).max(1e-12);
    let raw = span / 5.0;
    let magnitude = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].iter().map(|s| s * magnitude).find(|s| *s >= raw).unwrap_or(10.0 * magnitude);
    let first = (low / step).floor() as i64;
    let last = (high / step).ceil() as i64;
    (first..=last).map(|n| n as f64 * step).collect()
}

/// From values of an axis to pixels.
struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    log: bool,
}

impl Scale {
    fn new(ticks: &[f64], from: f64, to: f64, log: bool) -> Self {
        let (low, high) = (ticks.first().copied().unwrap_or(0.0), ticks.last().copied().unwrap_or(1.0));
        Self { low, high: if high > low { high } else { low + 1.0 }, from, to, log }
    }

    fn at(&self, value: f64) -> f64 {
        let map = |v: f64| if self.log { v.max(1e-12).ln() } else { v };
        let share = (map(value.clamp(self.low, self.high)) - map(self.low)) / (map(self.high) - map(self.low));
        self.from + share * (self.to - self.from)
    }
}

fn open(svg: &mut String, title: &str, id: &str) {
    let _ = write!(svg, r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{id}"><title id="{id}">{}</title>"#, escaped(title));
}

/// Points with intervals in both directions; each is labeled where its label is in nobody's way.
pub fn scatter(id: &str, title: &str, x: &Axis, y: &Axis, points: &[Point]) -> String {
    let extent = |of: fn(&Point) -> (f64, f64, f64)| {
        points.iter().map(of).fold((f64::MAX, f64::MIN), |(low, high), (_, l, h)| (low.min(l), high.max(h)))
    };
    let ((x_low, x_high), (y_low, y_high)) = (extent(|p| p.x), extent(|p| p.y));
    let (x_ticks, y_ticks) = (ticks(x_low, x_high, x.log), ticks(y_low, y_high, y.log));
    let across = Scale::new(&x_ticks, LEFT, WIDTH - RIGHT, x.log);
    let up = Scale::new(&y_ticks, HEIGHT - BOTTOM, TOP, y.log);
    let mut svg = String::new();
    open(&mut svg, title, id);
    for &tick in &y_ticks {
        let at = up.at(tick);
        let _ = write!(svg, r#"<path class="grid" d="M{LEFT} {at:.1}H{:.1}"/><text class="tick" x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#, WIDTH - RIGHT, LEFT - 8.0, at + 4.0, escaped(&(y.say)(tick)));
    }
    for &tick in &x_ticks {
        let at = across.at(tick);
        let _ = write!(svg, r#"<path class="grid" d="M{at:.1} {TOP}V{:.1}"/><text class="tick" x="{at:.1}" y="{:.1}" text-anchor="middle">{}</text>"#, HEIGHT - BOTTOM, HEIGHT - BOTTOM + 18.0, escaped(&(x.say)(tick)));
    }
    let _ = write!(svg, r#"<text class="axis" x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>"#, (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 10.0, escaped(&x.name));
    let middle = (TOP + HEIGHT - BOTTOM) / 2.0;
    let _ = write!(svg, r#"<text class="axis" transform="translate(14 {middle:.1}) rotate(-90)" text-anchor="middle">{}</text>"#, escaped(&y.name));
    // Boxes that labels must keep clear of: the points themselves and their whiskers, then the labels that are placed.
    let spot = |p: &Point| (across.at(p.x.0), up.at(p.y.0));
    let mut taken: Vec<(f64, f64, f64, f64)> = points.iter().map(|p| { let (px, py) = spot(p); (px - 6.0, py - 6.0, px + 6.0, py + 6.0) }).collect();
    for point in points {
        let (px, py) = spot(point);
        taken.push((across.at(point.x.1), py - 1.0, across.at(point.x.2), py + 1.0));
        taken.push((px - 1.0, up.at(point.y.2), px + 1.0, up.at(point.y.1)));
    }
    let mut order: Vec<&Point> = points.iter().collect();
    order.sort_by_key(|p| p.marked);
    for point in &order {
        let (px, py) = spot(point);
        let class = if point.marked { "point marked" } else { "point" };
        let (left, right) = (across.at(point.x.1), across.at(point.x.2));
        let (low, high) = (up.at(point.y.1), up.at(point.y.2));
        let _ = write!(svg, r#"<g class="{class}"><path class="whisker" d="M{px:.1} {low:.1}V{high:.1}M{left:.1} {py:.1}H{right:.1}"/><circle cx="{px:.1}" cy="{py:.1}" r="5"/></g>"#);
    }
    for point in order.into_iter().rev() {
        let (px, py) = spot(point);
        let width = point.label.chars().count() as f64 * LETTER;
        let places = [(px + 10.0, py + 4.0), (px - 10.0 - width, py + 4.0), (px - width / 2.0, py - 11.0), (px - width / 2.0, py + 21.0), (px + 6.0, py - 8.0), (px + 6.0, py + 16.0), (px - 6.0 - width, py - 8.0), (px - 6.0 - width, py + 16.0)];
        let at = |(tx, ty): (f64, f64)| (tx, ty - 11.0, tx + width, ty + 3.0);
        let free = |place: &(f64, f64)| {
            let own = at(*place);
            let inside = own.0 >= LEFT && own.2 <= WIDTH - 2.0 && own.1 >= 0.0 && own.3 <= HEIGHT - BOTTOM;
            inside && !taken.iter().any(|b| own.0 < b.2 && own.2 > b.0 && own.1 < b.3 && own.3 > b.1)
        };
        let place = places.iter().copied().find(|place| free(place)).unwrap_or(places[0]);
        taken.push(at(place));
        let class = if point.marked { "label marked" } else { "label" };
        let _ = write!(svg, r#"<text class="{class}" x="{:.1}" y="{:.1}">{}</text>"#, place.0, place.1, escaped(&point.label));
    }
    svg.push_str("</svg>");
    svg
}

/// Horizontal bars from 0 with intervals: label, value, and whether it stands out.
pub fn bars(id: &str, title: &str, name: &str, values: &[(String, (f64, f64, f64), bool)]) -> String {
    let high = values.iter().map(|(_, v, _)| v.2).fold(0.0, f64::max);
    let ticks = ticks(0.0, high, false);
    let left = LEFT + 52.0;
    let across = Scale::new(&ticks, left, WIDTH - RIGHT - 40.0, false);
    let row = (HEIGHT - TOP - BOTTOM) / values.len().max(1) as f64;
    let thick = (row * 0.62).min(24.0);
    let mut svg = String::new();
    open(&mut svg, title, id);
    for &tick in &ticks {
        let at = across.at(tick);
        let _ = write!(svg, r#"<path class="grid" d="M{at:.1} {TOP}V{:.1}"/><text class="tick" x="{at:.1}" y="{:.1}" text-anchor="middle">{}</text>"#, HEIGHT - BOTTOM, HEIGHT - BOTTOM + 18.0, round(tick));
    }
    for (place, (label, (value, low, high), marked)) in values.iter().enumerate() {
        let middle = TOP + row * (place as f64 + 0.5);
        let class = if *marked { "bar marked" } else { "bar" };
        let (end, from, to) = (across.at(*value), across.at(*low), across.at(*high));
        let _ = write!(svg, r#"<g class="{class}"><rect x="{left:.1}" y="{:.1}" width="{:.1}" height="{thick:.1}" rx="3"/><path class="whisker" d="M{from:.1} {middle:.1}H{to:.1}"/></g>"#, middle - thick / 2.0, (end - left).max(0.5));
        let _ = write!(svg, r#"<text class="label" x="{:.1}" y="{:.1}" text-anchor="end">{}</text><text class="tick" x="{:.1}" y="{:.1}">{value:.2}</text>"#, left - 8.0, middle + 4.0, escaped(label), to + 7.0, middle + 4.0);
    }
    let _ = write!(svg, r#"<text class="axis" x="{:.1}" y="{:.1}" text-anchor="middle">{}</text></svg>"#, (left + WIDTH - RIGHT) / 2.0, HEIGHT - 10.0, escaped(name));
    svg
}

/// A tick without needless digits.
pub fn round(value: f64) -> String {
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text.is_empty() || text == "-0" { "0".into() } else { text.into() }
}
