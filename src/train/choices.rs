//! What the validation cases decide: made once, and kept for learning again from everything.
//!
//! Not here: how each one is decided (`methods`, `blend`, `hybrid`).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::entries::Keep;
use crate::rank::learned::blend::Scale;

/// The choices so far. A trainer that starts with them makes only those that are missing, so that a second one, over the
/// validation's events too, needs no cases of its own.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Choices {
    /// How fast the past fades, by method: events after which one counts 1/e.
    pub taus: BTreeMap<String, f32>,
    /// Which entries of its matrix devices get, and how many a row in the mean, by method.
    pub entries: BTreeMap<String, (Keep, usize)>,
    /// EASE's regularization.
    pub ease_lambda: Option<f32>,
    /// iALS: regularization, and the weight of unobserved pairs.
    pub ials: Option<(f32, f32)>,
    /// The sequence encoder's epoch.
    pub epochs: Option<usize>,
    pub blend: Option<Blended>,
}

/// How terms are joined.
#[derive(Debug, Clone, PartialEq)]
pub struct Blended {
    pub scale: Scale,
    /// Terms with a gain above 0.
    pub gains: Vec<(String, f32)>,
    /// Entries kept per row of an item-item matrix, in the mean, at most.
    pub row_entries: usize,
    /// Mean of NDCG at 10 and at 100 on the validation cases; of the best single term too.
    pub reached: f64,
    pub best_alone: (String, f64),
}

impl Choices {
    /// As a JSON text that keeps every bit.
    pub fn write(&self) -> String {
        let f = |value: f32| json!(value.to_bits());
        let keep = |entries: &(Keep, usize)| match *entries {
            (Keep::EachRow, k) => json!([k]),
            (Keep::Weighed { people, head }, k) => json!([k, f(people), f(head)]),
        };
        let taus: Map<String, Value> = self.taus.iter().map(|(name, tau)| (name.clone(), f(*tau))).collect();
        let entries: Map<String, Value> = self.entries.iter().map(|(name, of)| (name.clone(), keep(of))).collect();
        let blend = self.blend.as_ref().map(|blend| {
            let gains: Vec<Value> = blend.gains.iter().map(|(name, gain)| json!([name, f(*gain)])).collect();
            let (name, alone) = &blend.best_alone;
            json!({
                "deviation": blend.scale == Scale::Deviation, "gains": gains, "row_entries": blend.row_entries,
                "reached": blend.reached.to_bits(), "best_alone": [name, alone.to_bits()],
            })
        });
        let ials = self.ials.map(|(lambda, alpha0)| json!([f(lambda), f(alpha0)]));
        json!({"taus": taus, "entries": entries, "ease_lambda": self.ease_lambda.map(f), "ials": ials, "epochs": self.epochs, "blend": blend}).to_string()
    }

    /// What [`Self::write`] wrote; `None` for any other text.
    pub fn read(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let f = |value: &Value| value.as_u64().and_then(|bits| u32::try_from(bits).ok()).map(f32::from_bits);
        let pair = |value: &Value| Some((f(&value[0])?, f(&value[1])?));
        let keep = |value: &Value| {
            let k = value[0].as_u64()? as usize;
            Some(if value[1].is_null() { (Keep::EachRow, k) } else { (Keep::Weighed { people: f(&value[1])?, head: f(&value[2])? }, k) })
        };
        let optional = |value: &Value| if value.is_null() { Some(None) } else { f(value).map(Some) };
        let blend = |value: &Value| -> Option<Blended> {
            let gains = value["gains"].as_array()?.iter().map(|one| Some((one[0].as_str()?.to_owned(), f(&one[1])?)));
            Some(Blended {
                scale: if value["deviation"].as_bool()? { Scale::Deviation } else { Scale::Raw },
                gains: gains.collect::<Option<_>>()?,
                row_entries: value["row_entries"].as_u64()? as usize,
                reached: f64::from_bits(value["reached"].as_u64()?),
                best_alone: (value["best_alone"][0].as_str()?.to_owned(), f64::from_bits(value["best_alone"][1].as_u64()?)),
            })
        };
        Some(Self {
            taus: value["taus"].as_object()?.iter().map(|(name, tau)| Some((name.clone(), f(tau)?))).collect::<Option<_>>()?,
            entries: value["entries"].as_object()?.iter().map(|(name, of)| Some((name.clone(), keep(of)?))).collect::<Option<_>>()?,
            ease_lambda: optional(&value["ease_lambda"])?,
            ials: if value["ials"].is_null() { None } else { Some(pair(&value["ials"])?) },
            epochs: value["epochs"].as_u64().map(|epochs| epochs as usize),
            blend: if value["blend"].is_null() { None } else { Some(blend(&value["blend"])?) },
        })
    }
}
