//! The search for hyper-parameters: seeded random draws, and successive halving on the validation cases.
//!
//! Random draws around the defaults (Bergstra & Bengio 2012); the first one is the defaults themselves. All draws are
//! trained on a part of the people and judged on a part of the cases; the better third goes on with three times as many
//! (Jamieson & Talwalkar 2016), the last ones with everybody. Methods are searched one by one: the hybrid is made of them.
//! Not here: the hyper-parameters (`knobs`).

use super::blend::{sample, term_quality};
use super::choices::Choices;
use super::entries::Keep;
use super::kept::{Kept, Trials};
use super::knobs::{KNOBS, Knob};
use super::methods::{Data, Settings, Trainer};
use crate::evaluate::dataset::Sequence;
use crate::evaluate::split::Case;
use crate::math::rng::Rng;
use crate::{Error, Result};

/// Of so many candidates one goes on to the next rung, with so many times the data.
const HALVING: usize = 3;
/// Validation cases that the last rung is judged on.
const CASES: usize = 2000;

/// How the search goes.
#[derive(Debug, Clone)]
pub struct Search {
    /// Draws a method.
    pub draws: usize,
    pub seed: u64,
    /// Milliseconds after which no further draw is trained; what was found until then counts.
    pub budget_ms: f64,
}

/// One method's outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub method: String,
    /// Name and value of each of its hyper-parameters.
    pub values: Vec<(&'static str, f64)>,
    /// Quality on all validation cases, of these and of the defaults.
    pub reached: f64,
    pub defaults: f64,
    /// Trainings that were made.
    pub trainings: usize,
}

/// Rungs for so many draws: candidates on each, and the share of the data that they get.
pub fn rungs(draws: usize) -> Vec<(usize, f64)> {
    let mut counts = vec![draws.max(1)];
    while let Some(&last) = counts.last().filter(|&&last| last >= HALVING) {
        counts.push(last / HALVING);
    }
    let last = counts.len() - 1;
    counts.into_iter().enumerate().map(|(rung, count)| (count, (HALVING as f64).powi(rung as i32 - last as i32))).collect()
}

/// The hyper-parameters of a method; none: there is nothing to search for.
fn knobs(method: &str) -> Vec<&'static Knob> {
    // EASE with content has EASE's regularization too.
    KNOBS.iter().filter(|knob| knob.method == method || (method == "ease-content" && knob.name == "ease_lambda")).collect()
}

/// The methods among `names` that have something to search for; the hybrid stands for those it is made of.
pub fn searchable(names: &[&str], content: bool) -> Vec<&'static str> {
    let all = ["item-knn", "ease", "ease-content", "transitions", "ials", "user-clusters", "content-map"];
    let hybrid = names.contains(&"hybrid");
    let wanted = |method: &&&str| names.contains(*method) || hybrid && ["ease", "transitions", "ials", "user-clusters"].contains(*method);
    all.iter().filter(wanted).filter(|method| content || !["ease-content", "content-map"].contains(*method)).copied().collect()
}

/// Searches for each of `methods`, one after another, each with what the ones before it found. `now` gives milliseconds, a
/// clock of the caller's; `note` hears the budget, then each rung. Trials that a stopped run left in `kept` aren't made again;
/// what they took counts.
///
/// # Errors
/// [`Error::Input`] without validation cases, and what training returns.
pub fn tune(data: &Data<'_>, settings: &Settings, methods: &[&str], search: &Search, kept: &Kept<'_>, now: &dyn Fn() -> f64, note: &dyn Fn(&str)) -> Result<(Settings, Vec<Found>)> {
    if data.valid.is_empty() {
        return Err(Error::input("There are no validation cases to search on. Give interactions of people with more than two items, or leave out --tune."));
    }
    let plan = rungs(search.draws);
    let trainings: usize = plan.iter().map(|(count, _)| count).sum();
    let parts: Vec<String> = plan.iter().map(|(count, share)| format!("{count} on {:.0} % of the people", share * 100.0)).collect();
    note(&format!("tune: {} methods, at most {trainings} trainings each ({}), within {:.0} s in all", methods.len(), parts.join(", "), search.budget_ms / 1e3));
    let start = now();
    let mut trials = Trials::open(kept, "tune");
    let mut settings = settings.clone();
    let mut found = Vec::new();
    for method in methods {
        let may_go_on = |trials: &Trials<'_, '_>| now() - start + trials.remembered < search.budget_ms;
        if !may_go_on(&trials) {
            note(&format!("tune: the time is up before {method}"));
            break;
        }
        let outcome = one(data, &settings, method, search, &plan, &mut trials, now, &may_go_on, note)?;
        for (name, value) in &outcome.values {
            if let Some(knob) = KNOBS.iter().find(|knob| knob.name == *name) {
                knob.set(&mut settings, *value);
            }
        }
        let line: Vec<String> = outcome.values.iter().map(|(name, value)| format!("{name} {}", *value as f32)).collect();
        note(&format!("tune: {method}: {} gives {:.4}, the settings before {:.4}, after {} trainings", line.join(", "), outcome.reached, outcome.defaults, outcome.trainings));
        found.push(outcome);
    }
    note(&format!("tune: took {:.0} of {:.0} s", (now() - start + trials.remembered) / 1e3, search.budget_ms / 1e3));
    Ok((settings, found))
}

/// A draw and how good it was on its last rung.
#[derive(Clone)]
struct Draw {
    number: usize,
    settings: Settings,
    reached: f64,
}

#[expect(clippy::too_many_arguments, reason = "one search's state, in one call")]
fn one(
    data: &Data<'_>,
    settings: &Settings,
    method: &str,
    search: &Search,
    plan: &[(usize, f64)],
    trials: &mut Trials<'_, '_>,
    now: &dyn Fn() -> f64,
    may_go_on: &dyn Fn(&Trials<'_, '_>) -> bool,
    note: &dyn Fn(&str),
) -> Result<Found> {
    let knobs = knobs(method);
    let mut rng = Rng::new(search.seed);
    let mut draws: Vec<Draw> = (0..plan[0].0)
        .map(|number| {
            let mut drawn = settings.clone();
            for knob in knobs.iter().filter(|_| number > 0) {
                let (low, high) = knob.span;
                let factor = (low.ln() + rng.unit() * (high.ln() - low.ln())).exp();
                knob.set(&mut drawn, (knob.get(settings) * factor).clamp(knob.legal.0, knob.legal.1));
            }
            Draw { number, settings: drawn, reached: f64::MIN }
        })
        .collect();
    let mut order: Vec<usize> = (0..data.sequences.len()).collect();
    Rng::new(search.seed ^ 0x7e0).shuffle(&mut order);
    let mut trainings = 0;
    let last = plan.len() - 1;
    for (rung, &(count, share)) in plan.iter().enumerate() {
        draws.truncate(count);
        let people = ((order.len() as f64 * share).ceil() as usize).clamp(1, order.len().max(1));
        let sequences: Vec<Sequence> = order.iter().take(people).map(|&at| data.sequences[at].clone()).collect();
        let cases = sample(data.valid, ((CASES as f64 * share) as usize).max(200));
        for draw in &mut draws {
            // The first draw is always judged: there is no result without it.
            if trainings > 0 && !may_go_on(trials) {
                break;
            }
            let tried = format!("{method} by {people} people, {} cases, {:?}", cases.len(), draw.settings);
            draw.reached = trials.of(&tried, now, || judge(data, &sequences, &draw.settings, method, &cases))?;
            trainings += 1;
        }
        // Best first; what was not reached in time stands last, in the order drawn.
        draws.sort_by(|a, b| b.reached.total_cmp(&a.reached).then(a.number.cmp(&b.number)));
        if rung < last && !may_go_on(trials) {
            note(&format!("tune: {method}: the time is up on rung {} of {}", rung + 1, plan.len()));
            break;
        }
    }
    // Winner against the settings as they were, on the same footing: everybody and the same cases.
    let cases = sample(data.valid, CASES);
    let best = draws.first().ok_or_else(|| Error::Internal("nothing was drawn".into()))?.clone();
    let mut on_all = |settings: &Settings| trials.of(&format!("{method} by all, {settings:?}"), now, || judge(data, data.sequences, settings, method, &cases));
    let defaults = on_all(settings)?;
    trainings += 1;
    let reached = if best.number == 0 { defaults } else { trainings += 1; on_all(&best.settings)? };
    let (chosen, reached) = if reached > defaults { (&best.settings, reached) } else { (settings, defaults) };
    let values = knobs.iter().map(|knob| (knob.name, knob.get(chosen))).collect();
    Ok(Found { method: method.to_owned(), values, reached, defaults, trainings })
}

fn judge(data: &Data<'_>, sequences: &[Sequence], settings: &Settings, method: &str, cases: &[&Case]) -> Result<f64> {
    let part = Data { sequences, items: data.items, features: data.features, valid: data.valid, valid_candidates: data.valid_candidates, test_candidates: data.test_candidates };
    // What is drawn is what is tried: no search within the search.
    let entries = [(method.to_owned(), (Keep::EachRow, settings.row_entries))].into();
    let choices = Choices { entries, ease_lambda: Some(settings.ease_lambda), ials: Some((settings.ials.lambda, settings.ials.alpha0)), ..Choices::default() };
    let mut trainer = Trainer::new(part, settings.clone(), &|_| {}).with_choices(choices);
    let term = trainer.term(method)?;
    Ok(term_quality(term.as_ref(), cases, data.valid_candidates))
}
