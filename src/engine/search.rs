//! Searches: by words, by a picture or a sound, by both; and what is like an item.
//!
//! Not here: the models ([`super::model`], [`super::media`]), and how a list is drawn up (`rank::list`).

use serde_json::Map;

use super::ask::{Hit, Search, Wishes};
use super::media::{Medium, encode_film};
use super::session::{Session, unknown_item};
use super::snapshot::Snapshot;
use super::terms::{self, Past};
use crate::error::{Error, Result};
use crate::index::Catalog;
use crate::index::catalog::{IMAGE, TEXT, VIDEO};
use crate::platform::Platform;
use crate::preprocess::Picture;
use crate::rank::content::Toward;
use crate::rank::rules::Filter;
use crate::rank::term::{Share, Term};

/// Cosines with a picture or a sound, times a weight. Without words beside it an item without one is never listed.
struct Likeness {
    medium: &'static str,
    weight: f32,
    cosines: Vec<f32>,
}

impl Likeness {
    fn new(medium: &'static str, catalog: &Catalog, query: &[f32], weight: f32, alone: bool) -> Result<Self> {
        let mut cosines = vec![0.0; catalog.len()];
        catalog.scan_other(medium, query, &mut cosines)?;
        if alone {
            let unseen = (0..).zip(&mut cosines).filter(|(ordinal, _)| !catalog.has_other(medium, *ordinal));
            unseen.for_each(|(_, cosine)| *cosine = f32::NEG_INFINITY);
        }
        Ok(Self { medium, weight, cosines })
    }
}

impl Term for Likeness {
    fn name(&self) -> &'static str {
        self.medium
    }

    fn add_to(&self, scores: &mut [f32]) {
        // Nothing times infinity is no number, and would hide the item just the same.
        scores.iter_mut().zip(&self.cosines).for_each(|(score, cosine)| *score += self.weight * cosine);
    }

    fn split(&self, ordinal: u32) -> Vec<Share> {
        let cosine = self.cosines.get(ordinal as usize).copied().unwrap_or(0.0);
        vec![Share { event: None, amount: self.weight * cosine }]
    }
}

impl<P: Platform> Session<P> {
    /// The items most like one item, without it: by content, and by what others met beside it where the index has a ranker.
    ///
    /// Errors: `Error::NotFound` for an unknown key, `Error::Input` for an item of which neither says anything.
    pub async fn similar(&self, key: &str, wishes: &Wishes) -> Result<Vec<Hit>> {
        self.check_open()?;
        wishes.check()?;
        let filter = Filter::parse(&wishes.filter)?;
        let snapshot = self.snapshot();
        let ordinal = snapshot.catalog.ordinal(key).ok_or_else(unknown_item)?;
        let vector = snapshot.catalog.has_vector(ordinal).then(|| snapshot.catalog.vector(ordinal));
        let cosines = match vector {
            Some(vector) => Some(self.scans.once(&snapshot.catalog, &vector).await?),
            None => None,
        };
        let terms = terms::similar(&snapshot, ordinal, cosines);
        if terms.is_empty() {
            return Err(Error::input("The item has no text that could be compared. Pass one that has, or give it a title and build the index again."));
        }
        let events = self.log.events();
        let evidence = self.weigh(&events, &Map::new());
        let past = Past { events: &events, evidence: &evidence };
        Ok(self.plain(&snapshot, &terms, &filter, wishes, &past, Some(ordinal)))
    }

    /// The items nearest to words, as personal as asked for.
    ///
    /// Errors: `Error::Input` for an empty or overlong text, and where there is no model (see [`Session::open_text`]).
    pub async fn search(&self, ask: &Search) -> Result<Vec<Hit>> {
        self.check_open()?;
        ask.check()?;
        if ask.text.trim().is_empty() {
            return Err(Error::input("The search is empty. Pass some text."));
        }
        let query = self.embed(&ask.text).await?;
        let snapshot = self.snapshot();
        self.listed(&snapshot, ask, Some(&query), 1.0 - ask.personal as f32, Vec::new()).await
    }

    /// The list of a search: the vector of its words times `weight`, further terms, and as personal as asked for.
    async fn listed(
        &self,
        snapshot: &Snapshot,
        ask: &Search,
        words: Option<&[f32]>,
        weight: f32,
        mut terms: Vec<Box<dyn Term>>,
    ) -> Result<Vec<Hit>> {
        let filter = Filter::parse(&ask.wishes.filter)?;
        self.refresh().await?;
        let events = self.log.events();
        let personal = ask.personal as f32;
        if let Some(words) = words {
            terms.push(Box::new(Toward::of("text", self.scans.once(&snapshot.catalog, words).await?, weight)));
        }
        let evidence = self.weigh(&events, &Map::new());
        let past = Past { events: &events, evidence: &evidence };
        if personal > 0.0 {
            let taste = past.taste(snapshot);
            let _held = self.scans.ahead(&snapshot.catalog, &taste).await;
            terms.extend(terms::personal(snapshot, &past, &taste, personal)?);
        }
        Ok(self.plain(snapshot, &terms, &filter, &ask.wishes, &past, None))
    }

    /// The items that look or sound most like `input`; with words in `ask` both count the same (where the index joins
    /// them, both are joined to one query), and as personal as asked for.
    ///
    /// Errors: as [`Session::open_model`] and [`Session::search`].
    pub async fn search_like<I: Medium>(&self, ask: &Search, input: I) -> Result<Vec<Hit>> {
        self.check_open()?;
        ask.check()?;
        let query = self.open_model::<I>().await?.encode(input).await?;
        self.search_near(I::NAME, ask, &query).await
    }

    /// The items whose films are most like one, by evenly spaced frames of it in their order; where the index has no vectors of films,
    /// those that look most like the mean of the frames.
    ///
    /// Errors: as [`Session::search_like`], and `Error::Input` for no frames.
    pub async fn search_film(&self, ask: &Search, frames: Vec<Picture>) -> Result<Vec<Hit>> {
        self.check_open()?;
        ask.check()?;
        let snapshot = self.snapshot();
        let reader = snapshot.film.as_ref();
        let query = encode_film(&*self.open_model::<Picture>().await?, reader, frames).await?;
        self.search_near(if reader.is_some() { VIDEO } else { IMAGE }, ask, &query).await
    }

    /// The same, once its vector is known.
    async fn search_near(&self, medium: &'static str, ask: &Search, query: &[f32]) -> Result<Vec<Hit>> {
        let has_words = !ask.text.trim().is_empty();
        if let Some(fusion) = &self.snapshot().fusion && fusion.config().modality(medium).is_some() {
            let words = if has_words { Some(self.read(&ask.text).await?) } else { None };
            let given: Vec<(&str, &[f32])> = words.iter().map(|words| (TEXT, words.as_slice())).chain([(medium, query)]).collect();
            let query = fusion.query(&given)?;
            let snapshot = self.snapshot();
            let weight = 1.0 - ask.personal as f32;
            let seen: Box<dyn Term> = Box::new(Toward::of(medium, self.scans.once(&snapshot.catalog, &query).await?, weight));
            return self.listed(&snapshot, ask, None, weight, vec![seen]).await;
        }
        let words = if has_words { Some(self.embed(&ask.text).await?) } else { None };
        let weight = (1.0 - ask.personal as f32) * if words.is_some() { 0.5 } else { 1.0 };
        let snapshot = self.snapshot();
        let seen: Box<dyn Term> = Box::new(Likeness::new(medium, &snapshot.catalog, query, weight, words.is_none())?);
        self.listed(&snapshot, ask, words.as_deref(), weight, vec![seen]).await
    }
}
