//! Tensor files that the container accepts, with one tensor or metadata word replaced.

use std::collections::BTreeMap;

use palate::format::tensors::{Part, TensorFile, write};

/// A sound file taken apart.
pub struct Forgery {
    parts: BTreeMap<String, Part<'static>>,
    metadata: BTreeMap<String, String>,
}

impl Forgery {
    /// Of a sound file's bytes.
    pub fn of(bytes: Vec<u8>) -> Self {
        let file = TensorFile::parse(bytes, "a sound file").unwrap();
        let part = |name: &str| {
            let tensor = file.get(name).unwrap();
            (name.to_string(), Part { name: name.to_string(), dtype: tensor.dtype, shape: tensor.shape.clone(), bytes: tensor.bytes().to_vec().into() })
        };
        Self { parts: file.names().map(part).collect(), metadata: file.metadata().clone() }
    }

    /// With a tensor more, or in place of the one of that name.
    pub fn with(mut self, part: Part<'static>) -> Self {
        self.parts.insert(part.name.clone(), part);
        self
    }

    /// With a tensor in place of the one of that name, which must be there.
    pub fn replacing(self, part: Part<'static>) -> Self {
        assert!(self.parts.contains_key(&part.name), "a tensor is replaced");
        self.with(part)
    }

    pub fn without(mut self, name: &str) -> Self {
        assert!(self.parts.remove(name).is_some(), "{name}");
        self
    }

    /// With another metadata word.
    pub fn word(mut self, name: &str, value: &str) -> Self {
        assert!(self.metadata.insert(name.into(), value.into()).is_some(), "{name}");
        self
    }

    pub fn bytes(self) -> Vec<u8> {
        let parts: Vec<Part<'_>> = self.parts.into_values().collect();
        write(&parts, &self.metadata).unwrap()
    }
}
