//! What the visitor sees: from a profile and a catalog to a list.
//!
//! A score is a sum of [`term::Term`]s, and every term splits its addend by the events that caused it, so that a
//! reason is claimed only from the score itself.
//!
//! * [`term`]: what a term is.
//! * [`content`]: liked interests draw, disliked ones push, words and items attract by meaning.
//! * [`clock`]: what others turn to at this time of the week.
//! * [`popularity`]: a number per item that is there before any history.
//! * [`rules`]: filters, exclusions, what was seen.
//! * [`diversify`]: maximal marginal relevance.
//! * [`determinantal`]: variety by volume.
//! * [`calibrate`]: the visitor's own mix of categories.
//! * [`correct`]: caps of sources, fairness to providers.
//! * [`facets`]: what these tell items apart by.
//! * [`arrange`]: those four in their order.
//! * [`learner`]: what the terms are worth to this visitor.
//! * [`explore`]: slots for items that might be better than the profile knows.
//! * [`explain`]: reasons from the terms.
//! * [`learned`]: the terms that the publisher trains.
//! * [`list`]: the stages in their order.

pub mod arrange;
pub mod calibrate;
pub mod clock;
pub mod content;
pub mod correct;
pub mod determinantal;
pub mod diversify;
pub mod explain;
pub mod explore;
pub mod facets;
pub mod learned;
pub mod learner;
pub mod list;
pub mod popularity;
pub mod rules;
pub mod term;
