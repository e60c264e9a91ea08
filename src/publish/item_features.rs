//! Items' content for evaluation and training: weighted terms from items files and attribute files, vectors from
//! encoder output.
//!
//! Not here: the index's items (`items`), tf-idf (`train::features`).

use std::collections::BTreeMap;
use std::io::BufRead;

use serde_json::Value;

use crate::evaluate::dataset::Keys;
use crate::train::features::words;
use crate::{Error, Result};

/// Content of items by catalog number, before weighing.
#[derive(Debug, Clone, Default)]
pub struct ItemContent {
    pub terms: Vec<Vec<(String, f32)>>,
    pub categories: Vec<Vec<u32>>,
    pub category_names: Keys,
    pub dense: BTreeMap<u32, Vec<f32>>,
}

impl ItemContent {
    fn reach(&mut self, item: u32) {
        let needed = item as usize + 1;
        if self.terms.len() < needed {
            self.terms.resize(needed, Vec::new());
            self.categories.resize(needed, Vec::new());
        }
    }

    /// Reads JSON Lines items, numbering new ids in `catalog`. Free text gives words; lists and short strings give
    /// whole terms named by field; `tags`, `categories`, `genres` are the categories; `attributes` are whole terms.
    pub fn read_items(&mut self, file: &str, input: impl BufRead, catalog: &mut Keys, skip_bad: bool) -> Result<usize> {
        let mut skipped = 0;
        for (at, line) in input.lines().enumerate() {
            let fault = |why: &str| format!("{file}, line {}: {why}", at + 1);
            let line = line.map_err(|e| Error::input(format!("{}. Save the file as UTF-8.", fault(&e.to_string()))))?;
            if line.trim().is_empty() {
                continue;
            }
            let parsed: Result<serde_json::Map<String, Value>, String> =
                serde_json::from_str(&line).map_err(|e| format!("not a JSON object ({e})"));
            let object = parsed.and_then(|object| match object.get("id").and_then(key_of) {
                Some(id) => Ok((id, object)),
                None => Err("the item has no `id`".into()),
            });
            match object {
                Ok((id, object)) => {
                    let item = catalog.intern(&id);
                    self.reach(item);
                    self.add_item(item as usize, &object);
                }
                Err(_) if skip_bad => skipped += 1,
                Err(why) => {
                    let why = fault(&why);
                    return Err(Error::input(format!("{why}. Correct the row, or pass --skip-bad to leave it out.")));
                }
            }
        }
        Ok(skipped)
    }

    fn add_item(&mut self, item: usize, object: &serde_json::Map<String, Value>) {
        for (field, value) in object {
            match field.as_str() {
                "id" | "image" | "audio" | "video" | "url" | "price" | "published" => continue,
                _ => {}
            }
            let texts: Vec<String> = match value {
                Value::Array(values) => values.iter().filter_map(key_of).collect(),
                Value::String(text) if matches!(field.as_str(), "tags" | "categories" | "genres") => {
                    text.split([',', '|', ';']).map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()).collect()
                }
                other => key_of(other).into_iter().collect(),
            };
            let is_list = value.is_array() || matches!(field.as_str(), "tags" | "categories" | "genres");
            for text in texts {
                let prose = matches!(field.as_str(), "title" | "description") || !is_list && text.len() > 60;
                if prose {
                    let weight = if field == "title" { 2.0 } else { 1.0 };
                    self.terms[item].extend(words(&text).map(|w| (w, weight)));
                    continue;
                }
                if matches!(field.as_str(), "tags" | "categories" | "genres") {
                    let number = self.category_names.intern(&format!("{field}:{}", text.to_lowercase()));
                    if !self.categories[item].contains(&number) {
                        self.categories[item].push(number);
                    }
                    self.terms[item].extend(words(&text).map(|w| (w, 1.0)));
                }
                if !value.is_number() {
                    self.terms[item].push((format!("{field}:{}", text.to_lowercase()), 2.0));
                }
            }
        }
    }

    /// Reads a JSON object from item to a list of attribute ids.
    pub fn read_attributes(&mut self, file: &str, input: impl BufRead, catalog: &mut Keys) -> Result<()> {
        let object: BTreeMap<String, Vec<Value>> = serde_json::from_reader(input).map_err(|e| {
            Error::input(format!("{file}: not an object of items to lists of attributes ({e}). Correct the file."))
        })?;
        for (id, attributes) in object {
            let item = catalog.intern(&id);
            self.reach(item);
            for attribute in attributes.iter().filter_map(key_of) {
                let number = self.category_names.intern(&attribute);
                self.categories[item as usize].push(number);
                self.terms[item as usize].push((format!("attribute:{attribute}"), 1.0));
            }
        }
        Ok(())
    }

    /// Reads JSON Lines of `id` (or `item`, `key`, `input`) and `embedding` (or `vector`). Items outside the catalog are
    /// left out. Returns the dimension.
    pub fn read_vectors(&mut self, file: &str, input: impl BufRead, catalog: &Keys) -> Result<usize> {
        let mut dim = 0;
        for (at, line) in input.lines().enumerate() {
            let fault = |why: String| Error::input(format!("{file}, line {}: {why}. Correct the row.", at + 1));
            let line = line.map_err(|e| fault(e.to_string()))?;
            if line.trim().is_empty() {
                continue;
            }
            let object: serde_json::Map<String, Value> =
                serde_json::from_str(&line).map_err(|e| fault(format!("not a JSON object ({e})")))?;
            let id = ["id", "item", "key", "input"].iter().find_map(|k| object.get(*k)).and_then(key_of);
            let id = id.ok_or_else(|| fault("no `id`".into()))?;
            let vector = object.get("embedding").or_else(|| object.get("vector")).and_then(Value::as_array);
            let vector = vector.ok_or_else(|| fault("no `embedding`".into()))?;
            let vector: Option<Vec<f32>> = vector.iter().map(|v| v.as_f64().map(|v| v as f32)).collect();
            let vector = vector.ok_or_else(|| fault("the embedding is not a list of numbers".into()))?;
            if dim != 0 && vector.len() != dim {
                return Err(fault(format!("{} numbers, {dim} in the rows above", vector.len())));
            }
            dim = vector.len();
            if let Some(item) = catalog.get(&id) {
                self.reach(item);
                self.dense.insert(item, vector);
            }
        }
        Ok(dim)
    }

    /// Weighed and scaled features of `items` items.
    pub fn features(&self, items: usize) -> crate::train::features::Features {
        let mut terms = self.terms.clone();
        terms.resize(items, Vec::new());
        let mut categories = self.categories.clone();
        categories.resize(items, Vec::new());
        let dim = self.dense.values().next().map_or(0, Vec::len);
        let mut dense = vec![0f32; items * dim];
        for (&item, vector) in self.dense.range(..items as u32) {
            dense[item as usize * dim..(item as usize + 1) * dim].copy_from_slice(vector);
        }
        crate::train::features::unit_rows(&mut dense, dim);
        crate::train::features::Features {
            sparse: crate::train::features::tf_idf(&terms),
            dense,
            dim,
            categories,
            category_count: self.category_names.len(),
        }
    }
}

fn key_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
