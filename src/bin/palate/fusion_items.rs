//! The items that a joint space is learned from.

use palate::evaluate::dataset::Sequence;
use palate::format::digest::short;
use palate::fuse::joint::Modality;
use palate::train::fusion::Settings;
use palate::train::fusion_space::Content;

/// Items as they are learned from, in the order of their file.
pub struct Read {
    pub keys: Vec<String>,
    pub contents: Vec<Content>,
    pub modalities: Vec<Modality>,
}

impl Read {
    /// Keeps only the items that have every modality.
    pub fn complete(&mut self) {
        let whole: Vec<bool> = (0..self.keys.len()).map(|item| self.contents.iter().all(|content| content.has[item])).collect();
        for content in &mut self.contents {
            let rows = content.vectors.chunks_exact(content.dim.max(1)).zip(&whole).filter(|(_, whole)| **whole);
            *content = Content::new(&content.name, content.dim, rows.flat_map(|(row, _)| row).copied().collect());
        }
        let mut whole = whole.iter();
        self.keys.retain(|_| whole.next() == Some(&true));
    }
}

/// Says what is learned from what, for checkpoints.
pub fn fingerprint(settings: &Settings, contents: &[Content], sequences: &[Sequence]) -> String {
    // How long it may take is not part of it: a run that stopped goes on for longer, too.
    let mut text = format!("{:?}", Settings { epochs: 0, patience: 0, ..settings.clone() });
    for content in contents {
        let bytes: Vec<u8> = content.vectors.iter().flat_map(|v| v.to_le_bytes()).collect();
        text += &format!("{}{:x}", content.name, short(&bytes));
    }
    let events: Vec<u8> = sequences.iter().flat_map(|s| s.items.iter().chain([&u32::MAX]).flat_map(|i| i.to_le_bytes())).collect();
    format!("{:x}", short(format!("{text}{:x}", short(&events)).as_bytes()))
}
