//! The models of a session for pictures and sounds, and how their packs get onto the device.
//!
//! A session takes a medium only where whoever opened it says so ([`Session::take`]): the pack is a download that a page without a
//! camera button or a microphone need not cause. Who computes is decided by whoever implements [`MediaModel`].

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use super::model::{self, AnyModel};
use super::progress::{OnProgress, Phase, Progress};
use super::session::Session;
use super::snapshot::Snapshot;
use super::sync;
use crate::error::{Error, Result};
use crate::format::pack::ModelId;
use crate::fuse::film::{self, Film};
use crate::index::catalog::{AUDIO, IMAGE, MEDIA};
use crate::platform::{Abort, Platform};
use crate::preprocess::{Picture, Sound};

/// A vector on its way.
pub type Seen<'a> = Pin<Box<dyn Future<Output = Result<Vec<f32>>> + 'a>>;

/// Pictures or sounds to vectors of unit length, `[dim]`.
pub trait MediaModel<I>: AnyModel {
    /// How a sound is best decoded for it: samples a second, and how many seconds are listened to. `None` of pictures.
    fn hearing(&self) -> Option<Hearing> {
        None
    }

    /// The vector of one.
    fn encode(&self, input: I) -> Seen<'_>;
}

/// What an audio model listens to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hearing {
    /// Samples a second.
    pub rate: u32,
    /// Of a sound's beginning.
    pub seconds: f64,
}

/// The vector of a film by its frames in their order, as [`film::vector`].
///
/// Errors: as there, and what the model returns.
pub async fn encode_film(model: &dyn MediaModel<Picture>, reader: Option<&Film>, frames: Vec<Picture>) -> Result<Vec<f32>> {
    let mut seen = Vec::with_capacity(frames.len());
    for frame in frames {
        seen.push(model.encode(frame).await?);
    }
    film::vector(reader, &seen)
}

/// Makes a model of a verified pack.
pub type LoadMedia<I> = dyn Fn(Arc<Vec<u8>>, &ModelId) -> Result<Rc<dyn MediaModel<I>>>;

/// What a session can be searched with besides words.
pub trait Medium: Sized + 'static {
    /// The modality's name in an index.
    const NAME: &'static str;
    /// Many of them, in sentences.
    const MANY: &'static str;

    /// The session's model of this medium.
    fn of<P: Platform>(session: &Session<P>) -> &Models<Self>;

    /// The same, to be changed.
    fn of_mut<P: Platform>(session: &mut Session<P>) -> &mut Models<Self>;
}

impl Medium for Picture {
    const NAME: &'static str = IMAGE;
    const MANY: &'static str = "pictures";

    fn of<P: Platform>(session: &Session<P>) -> &Models<Self> {
        &session.images
    }

    fn of_mut<P: Platform>(session: &mut Session<P>) -> &mut Models<Self> {
        &mut session.images
    }
}

impl Medium for Sound {
    const NAME: &'static str = AUDIO;
    const MANY: &'static str = "sounds";

    fn of<P: Platform>(session: &Session<P>) -> &Models<Self> {
        &session.sounds
    }

    fn of_mut<P: Platform>(session: &mut Session<P>) -> &mut Models<Self> {
        &mut session.sounds
    }
}

/// What a session knows of its model of one medium.
pub struct Models<I> {
    load: Option<Box<LoadMedia<I>>>,
    pub(super) model: RefCell<Option<Rc<dyn MediaModel<I>>>>,
    kept: Kept,
}

/// The part of it that is the same of all media.
#[derive(Default)]
struct Kept {
    /// Folder or manifest of the model, absolute; `None`: what the index names.
    base: Option<String>,
    problem: RefCell<Option<Error>>,
    /// Pack bytes that are here and not opened yet.
    pending: RefCell<Option<Arc<Vec<u8>>>>,
}

impl<I> Default for Models<I> {
    fn default() -> Self {
        Self { load: None, model: RefCell::default(), kept: Kept::default() }
    }
}

impl<I> Models<I> {
    /// Lets go of the model: the session is closed, or its index is another one.
    pub(super) fn drop_model(&self) {
        self.model.borrow_mut().take();
        self.kept.pending.borrow_mut().take();
    }
}

/// Name and plural of a medium.
type Words = [&'static str; 2];

fn words<I: Medium>() -> Words {
    [I::NAME, I::MANY]
}

fn no_vectors([name, many]: Words) -> Error {
    Error::input(format!("The index has no vectors of {many}. Build it with --{name}-model, or search with a text."))
}

impl<P: Platform> Session<P> {
    /// From now on `I` may be searched with; [`Session::prepare`] brings the model, the index's own or the one in the folder
    /// `base`.
    pub fn take<I: Medium>(&mut self, base: Option<String>, load: Box<LoadMedia<I>>) {
        *I::of_mut(self) = Models { load: Some(load), kept: Kept { base, ..Kept::default() }, ..Models::default() };
    }

    /// Brings the pack of a medium's model to the device.
    ///
    /// Errors: `Error::Input` for an index without vectors of it, `Error::NotFound` where neither the page nor the index names a
    /// model, `Error::Mismatch` for one that did not make the vectors, and as a download. What failed is remembered: a search says
    /// it again.
    pub async fn prepare<I: Medium>(&self, abort: &Abort, told: OnProgress<'_>) -> Result<()> {
        self.check_open()?;
        let models = I::of(self);
        let is_here = models.model.borrow().is_some();
        self.bring(words::<I>(), &models.kept, is_here, abort, told).await
    }

    async fn bring(&self, words: Words, kept: &Kept, is_here: bool, abort: &Abort, told: OnProgress<'_>) -> Result<()> {
        let outcome = self.fetch_pack(words, kept, is_here, abort, told).await;
        *kept.problem.borrow_mut() = outcome.as_ref().err().cloned();
        outcome
    }

    async fn fetch_pack(&self, words: Words, kept: &Kept, is_here: bool, abort: &Abort, told: OnProgress<'_>) -> Result<()> {
        let snapshot = self.snapshot();
        let wanted = snapshot.catalog.other_model(words[0]).ok_or_else(|| no_vectors(words))?;
        if !is_here && kept.pending.borrow().is_none() {
            let mut downloads = self.downloads(abort);
            let pack = match downloads.stored(&model::on_device(wanted)).await? {
                Some(pack) => Arc::new(pack),
                None => {
                    let found = model::for_index(&mut downloads, wanted, &self.options.index, kept.base.as_deref()).await?;
                    let missing = || Error::NotFound(format!("The index does not say where its {0} model is. Open with {0}Model, the model's folder.", words[0]));
                    let step = |step: Progress| told(Progress { phase: Phase::Model, ..step });
                    model::fetched(&mut downloads, &found.ok_or_else(missing)?, &self.unsaved, &step).await?
                }
            };
            self.costs.borrow_mut().traffic.add(&downloads.traffic);
            *kept.pending.borrow_mut() = Some(pack);
        }
        // A device that denies even this keeps a few files more; nothing is wrong with the session.
        let _ = sync::collect(&self.world, &snapshot.manifest, &self.packs(&snapshot)).await;
        told(Progress { phase: Phase::Ready, loaded: 0, total: 0 });
        Ok(())
    }

    /// The blobs of the models that the index asks for; those of media too that this session does not take, as another page of the
    /// site may.
    pub(super) fn packs(&self, snapshot: &Snapshot) -> Vec<String> {
        let media = MEDIA.into_iter().filter_map(|medium| snapshot.catalog.other_model(medium));
        std::iter::once(snapshot.catalog.text_model()).chain(media).map(|model| model::on_device(model).blob()).collect()
    }

    /// Opens a medium's model from what is on the device; nothing is fetched.
    ///
    /// Errors: what [`Session::prepare`] failed with, `Error::NotFound` where the device has no model, `Error::Input` where the
    /// session does not take the medium.
    pub async fn open_model<I: Medium>(&self) -> Result<Rc<dyn MediaModel<I>>> {
        self.check_open()?;
        let models = I::of(self);
        let asked = || Error::input(format!("The session was opened without {}. Open it with {}Model: true.", I::MANY, I::NAME));
        let load = models.load.as_ref().ok_or_else(asked)?;
        if let Some(model) = &*models.model.borrow() {
            return Ok(model.clone());
        }
        let snapshot = self.snapshot();
        let expected = snapshot.catalog.other_model(I::NAME).ok_or_else(|| no_vectors(words::<I>()))?;
        let pack = self.stored_pack(words::<I>(), &models.kept, expected).await?;
        let outcome = load(pack, &expected.id).and_then(|found| model::check(found.id(), found.dim(), expected).map(|()| found));
        match outcome {
            Ok(found) => {
                *models.model.borrow_mut() = Some(found.clone());
                Ok(found)
            }
            Err(error) => {
                *models.kept.problem.borrow_mut() = Some(error.clone());
                Err(error)
            }
        }
    }

    async fn stored_pack(&self, [name, _]: Words, kept: &Kept, expected: &crate::format::manifest::Model) -> Result<Arc<Vec<u8>>> {
        let here = kept.pending.borrow_mut().take();
        let pack = match here {
            Some(pack) => Some(pack),
            None => self.downloads(&Abort::new()).stored(&model::on_device(expected)).await?.map(Arc::new),
        };
        let problem = || kept.problem.borrow().clone();
        pack.ok_or_else(|| problem().unwrap_or_else(|| Error::NotFound(format!("There is no {name} model on the device. Call sync()."))))
    }
}
