//! What may stand in a list at all: filters on metadata, exclusions, and what the visitor has seen.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::history::Event;
use crate::index::catalog::Catalog;

/// Most conditions of a filter and most values of one.
const MOST: usize = 1000;

/// What happens to items of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Seen {
    /// Items that were liked, disliked, saved, bought or dismissed are left out; what was only looked at may return.
    #[default]
    HideJudged,
    /// Everything with an event is left out.
    HideAll,
    /// Nothing is left out.
    Show,
}

impl Seen {
    /// The rule of that name on the page.
    pub fn named(name: &str) -> Result<Seen> {
        match name {
            "hide-judged" => Ok(Seen::HideJudged),
            "hide-all" => Ok(Seen::HideAll),
            "show" => Ok(Seen::Show),
            _ => Err(Error::input("The rule for seen items is not known. Pass 'hide-judged', 'hide-all' or 'show'.")),
        }
    }

    /// The keys that the rule leaves out.
    pub fn hidden<'a>(self, events: &'a [Event]) -> HashSet<&'a str> {
        let hides = |event: &&Event| match self {
            Seen::HideJudged => event.kind.is_act(),
            Seen::HideAll => true,
            Seen::Show => false,
        };
        events.iter().filter(hides).map(|event| event.item.as_str()).collect()
    }
}

/// One condition on one metadata field.
#[derive(Debug, Clone, PartialEq)]
enum Condition {
    /// Equal to one of these; a list matches with any of its members.
    Any(Vec<Value>),
    /// A number (or a text, by code points) within both bounds, each included.
    Range { min: Option<Value>, max: Option<Value> },
    /// The opposite, also where the field is missing.
    Not(Box<Condition>),
}

/// Conditions on metadata that must all hold.
///
/// `{ field: value }` equality, `{ field: [a, b] }` any of these, `{ field: { min, max } }` a range with its ends,
/// `{ field: { not: condition } }` the opposite. A missing field matches no condition but `not`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filter {
    conditions: Vec<(String, Condition)>,
}

impl Filter {
    /// Reads a filter. Fields that no item has are legal and match nothing.
    pub fn parse(filter: &Map<String, Value>) -> Result<Filter> {
        if filter.len() > MOST {
            return Err(Error::input(format!("A filter has {} fields. Pass at most {MOST}.", filter.len())));
        }
        let conditions = filter.iter().map(|(field, value)| Ok((field.clone(), condition(value)?)));
        Ok(Filter { conditions: conditions.collect::<Result<_>>()? })
    }

    /// Whether it allows everything.
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// For each item, whether it is allowed: `[items]`.
    pub fn mask(&self, catalog: &Catalog) -> Vec<bool> {
        let count = u32::try_from(catalog.len()).unwrap_or(u32::MAX);
        let holds = |ordinal| {
            self.conditions.iter().all(|(field, condition)| matches(condition, catalog.field(ordinal, field).as_ref()))
        };
        (0..count).map(holds).collect()
    }
}

fn condition(value: &Value) -> Result<Condition> {
    match value {
        Value::Array(values) if values.len() > MOST => {
            Err(Error::input(format!("A filter lists {} values for a field. Pass at most {MOST}.", values.len())))
        }
        Value::Array(values) => Ok(Condition::Any(values.clone())),
        Value::Object(bounds) => {
            if let Some(inner) = bounds.get("not") {
                if bounds.len() > 1 || inner.get("not").is_some() {
                    return Err(Error::input("A filter's { not } stands beside other names or in another { not }. Pass it alone."));
                }
                return Ok(Condition::Not(Box::new(condition(inner)?)));
            }
            let scalar = |name: &str| match bounds.get(name) {
                None | Some(Value::Null) => Ok(None),
                Some(value @ (Value::Number(_) | Value::String(_))) => Ok(Some(value.clone())),
                Some(_) => Err(Error::input("A filter's min or max is neither a number nor a text. Pass one of these.")),
            };
            let (min, max) = (scalar("min")?, scalar("max")?);
            if min.is_none() && max.is_none() || bounds.keys().any(|name| name != "min" && name != "max") {
                return Err(Error::input("A filter's object is not understood. Pass { min, max }, either or both, or { not }."));
            }
            Ok(Condition::Range { min, max })
        }
        scalar => Ok(Condition::Any(vec![scalar.clone()])),
    }
}

fn matches(condition: &Condition, found: Option<&Value>) -> bool {
    if let Condition::Not(inner) = condition {
        return !matches(inner, found);
    }
    match found {
        None | Some(Value::Null) => false,
        Some(Value::Array(list)) => list.iter().any(|member| matches_one(condition, member)),
        Some(value) => matches_one(condition, value),
    }
}

fn matches_one(condition: &Condition, found: &Value) -> bool {
    match condition {
        Condition::Any(wanted) => wanted.iter().any(|value| same(value, found)),
        Condition::Range { min, max } => {
            let above = min.as_ref().is_none_or(|min| order(found, min).is_some_and(|order| order.is_ge()));
            let below = max.as_ref().is_none_or(|max| order(found, max).is_some_and(|order| order.is_le()));
            above && below
        }
        Condition::Not(inner) => !matches_one(inner, found),
    }
}

/// 1 and 1.0 are the same to whoever writes a filter.
fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

fn order(a: &Value, b: &Value) -> Option<std::cmp::Ordering> {
    match (a, b) {
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}
