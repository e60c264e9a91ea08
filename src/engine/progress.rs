//! How far a long call is.

/// What a long call is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Asking for the index's manifest.
    Manifest,
    /// Reading or fetching the index.
    Index,
    /// Lists can be asked for; the text model may still be on its way.
    ReadyToRecommend,
    /// Reading or fetching the text model.
    Model,
    /// Everything is here.
    Ready,
}

impl Phase {
    /// The name on the page.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Manifest => "manifest",
            Phase::Index => "index",
            Phase::ReadyToRecommend => "ready-to-recommend",
            Phase::Model => "model",
            Phase::Ready => "ready",
        }
    }
}

/// One step of a long call. `loaded` and `total` are bytes, both 0 where there are none to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub phase: Phase,
    pub loaded: u64,
    pub total: u64,
}

/// Who is told.
pub type OnProgress<'a> = &'a dyn Fn(Progress);
