//! What callers ask a session for, and what they get. Checked here; the shapes on the wire are `bindings`'.

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::rank::arrange::{Aim, Arrangement, Cap, Variety};
use crate::rank::explain::Reason;
use crate::rank::rules::Seen;

/// Longest list.
pub const MAX_K: usize = 1000;
/// Longest name of a metadata field, in bytes.
const MAX_FIELD: usize = 256;
/// Most keys of an exclusion.
const MAX_EXCLUDE: usize = 100_000;

/// What every list has in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Wishes {
    /// Length of the list, 1 to [`MAX_K`].
    pub k: usize,
    /// Conditions on metadata, see [`crate::rank::rules::Filter`].
    pub filter: Map<String, Value>,
    /// Keys to leave out.
    pub exclude: Vec<String>,
    pub seen: Seen,
    /// 0 (by score alone) to 1 (variety alone).
    pub diversity: f64,
    /// How variety is looked for.
    pub variety: Variety,
    /// A metadata field whose mix in the list is to be like the history's.
    pub calibrate: Option<Aim>,
    /// A metadata field among whose values attention is shared by merit.
    pub fair: Option<Aim>,
    /// At most so many items of one value of a metadata field.
    pub cap: Option<Cap>,
    /// Whether reasons are wanted.
    pub explain: bool,
}

impl Default for Wishes {
    fn default() -> Self {
        Self { k: 20, filter: Map::new(), exclude: Vec::new(), seen: Seen::Show, diversity: 0.0, variety: Variety::Mmr, calibrate: None, fair: None, cap: None, explain: false }
    }
}

impl Wishes {
    /// `Error::Input` for what is out of range.
    pub fn check(&self) -> Result<()> {
        if self.k == 0 || self.k > MAX_K {
            return Err(Error::input(format!("k is {}. Pass 1 to {MAX_K}.", self.k)));
        }
        if self.exclude.len() > MAX_EXCLUDE {
            return Err(Error::input(format!("exclude has {} keys. Pass at most {MAX_EXCLUDE}.", self.exclude.len())));
        }
        for (name, aim) in [("calibrate", &self.calibrate), ("fair", &self.fair)] {
            if let Some(aim) = aim {
                share(&format!("{name}.weight"), aim.weight)?;
                field(name, &aim.field)?;
            }
        }
        if let Some(cap) = &self.cap {
            field("cap", &cap.field)?;
            if cap.most == 0 {
                return Err(Error::input("cap.most is 0. Pass 1 or more, or leave the field's values out with filter."));
            }
        }
        share("diversity", self.diversity)
    }

    /// How the best candidates become the list.
    pub fn arrangement(&self) -> Arrangement {
        let Wishes { variety, calibrate, fair, cap, diversity, .. } = self.clone();
        Arrangement { variety, diversity: diversity as f32, calibrate, fair, cap }
    }
}

/// Asks for recommendations.
#[derive(Debug, Clone, PartialEq)]
pub struct Recommend {
    pub wishes: Wishes,
    /// Share of the slots given to exploration, 0 to 1.
    pub explore: f64,
    /// The situation: `text` is compared by meaning; other entries weigh events that have the same ones.
    pub context: Map<String, Value>,
    /// Weight of popularity against taste, -1 (niche) to 1 (popular); `None`: as much as the history is short.
    pub popularity: Option<f64>,
    /// Decides what exploration draws; `None`: changes from day to day and with the history.
    pub seed: Option<u64>,
}

impl Default for Recommend {
    fn default() -> Self {
        let wishes = Wishes { seen: Seen::HideJudged, diversity: 0.2, ..Wishes::default() };
        Self { wishes, explore: 0.0, context: Map::new(), popularity: None, seed: None }
    }
}

impl Recommend {
    /// `Error::Input` for what is out of range.
    pub fn check(&self) -> Result<()> {
        self.wishes.check()?;
        share("explore", self.explore)?;
        if let Some(popularity) = self.popularity
            && !(-1.0..=1.0).contains(&popularity)
        {
            return Err(Error::input("popularity is out of range. Pass -1 to 1, or leave it out."));
        }
        Ok(())
    }
}

/// Asks for items by words.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Search {
    pub wishes: Wishes,
    pub text: String,
    /// How much taste counts against the words, 0 to 1.
    pub personal: f64,
}

impl Search {
    /// `Error::Input` for what is out of range.
    pub fn check(&self) -> Result<()> {
        self.wishes.check()?;
        share("personal", self.personal)
    }
}

/// One line of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    pub key: String,
    pub score: f32,
    /// Empty unless asked for.
    pub reasons: Vec<Reason>,
    /// The item's metadata.
    pub item: Map<String, Value>,
}

fn field(option: &str, name: &str) -> Result<()> {
    if (1..=MAX_FIELD).contains(&name.len()) {
        return Ok(());
    }
    Err(Error::input(format!("{option}.field has {} bytes. Pass the name of a metadata field, 1 to {MAX_FIELD} bytes long.", name.len())))
}

fn share(name: &str, value: f64) -> Result<()> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(Error::input(format!("{name} is out of range. Pass 0 to 1.")))
}
