//! The image model of a session, and how its pack gets onto the device.
//!
//! A session takes pictures only where whoever opened it says so ([`Session::take_pictures`]): the pack is a download that a
//! page without a camera button need not cause. Who computes is decided by whoever implements [`ImageModel`].

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use super::model::{self, AnyModel};
use super::progress::{OnProgress, Phase, Progress};
use super::session::Session;
use super::snapshot::Snapshot;
use super::sync;
use crate::error::{Error, Result};
use crate::format::pack::ModelId;
use crate::index::catalog::IMAGE;
use crate::platform::{Abort, Platform};
use crate::preprocess::Picture;

/// A vector on its way.
pub type Seen<'a> = Pin<Box<dyn Future<Output = Result<Vec<f32>>> + 'a>>;

/// Pictures to vectors of unit length, `[dim]`.
pub trait ImageModel: AnyModel {
    /// The vector of a picture.
    fn encode(&self, picture: Picture) -> Seen<'_>;
}

/// Makes a model of a verified pack.
pub type LoadImage = dyn Fn(Vec<u8>, &ModelId) -> Result<Rc<dyn ImageModel>>;

/// What a session knows of its image model.
#[derive(Default)]
pub struct Images {
    load: Option<Box<LoadImage>>,
    /// Folder or manifest of the model, absolute; `None`: what the index names.
    base: Option<String>,
    pub(super) model: RefCell<Option<Rc<dyn ImageModel>>>,
    pub(super) problem: RefCell<Option<Error>>,
    /// Pack bytes that are here and not opened yet.
    pub(super) pending: RefCell<Option<Vec<u8>>>,
}

impl Images {
    /// Lets go of the model: the session is closed, or its index is another one.
    pub(super) fn drop_model(&self) {
        self.model.borrow_mut().take();
        self.pending.borrow_mut().take();
    }
}

fn no_vectors() -> Error {
    Error::input("The index has no vectors of pictures. Build it with --image-model, or search with a text.")
}

impl<P: Platform> Session<P> {
    /// From now on pictures may be searched with; [`Session::prepare_image`] brings the model, the index's own or the one in the
    /// folder `base`.
    pub fn take_pictures(&mut self, base: Option<String>, load: Box<LoadImage>) {
        self.images = Images { load: Some(load), base, ..Images::default() };
    }

    /// Brings the image model's pack to the device.
    ///
    /// Errors: `Error::Input` for an index without vectors of pictures, `Error::NotFound` where neither the page nor the index
    /// names a model, `Error::Mismatch` for one that did not make the vectors, and as a download. What failed is remembered: a
    /// search says it again.
    pub async fn prepare_image(&self, abort: &Abort, told: OnProgress<'_>) -> Result<()> {
        self.check_open()?;
        let outcome = self.fetch_image(abort, told).await;
        *self.images.problem.borrow_mut() = outcome.as_ref().err().cloned();
        outcome
    }

    async fn fetch_image(&self, abort: &Abort, told: OnProgress<'_>) -> Result<()> {
        let snapshot = self.snapshot();
        let wanted = snapshot.catalog.other_model(IMAGE).ok_or_else(no_vectors)?;
        if self.images.model.borrow().is_none() && self.images.pending.borrow().is_none() {
            let mut downloads = self.downloads(abort);
            let pack = match downloads.stored(&model::on_device(wanted)).await? {
                Some(pack) => pack,
                None => {
                    let found = model::for_index(&mut downloads, wanted, &self.options.index, self.images.base.as_deref()).await?;
                    let missing = || Error::NotFound("The index does not say where its image model is. Open with imageModel, the model's folder.".to_owned());
                    let step = |step: Progress| told(Progress { phase: Phase::Model, ..step });
                    model::pack(&mut downloads, &found.ok_or_else(missing)?, &step).await?
                }
            };
            self.costs.borrow_mut().traffic.add(&downloads.traffic);
            *self.images.pending.borrow_mut() = Some(pack);
        }
        // A device that denies even this keeps a few files more; nothing is wrong with the session.
        let _ = sync::collect(&self.world, &snapshot.manifest, &self.packs(&snapshot)).await;
        told(Progress { phase: Phase::Ready, loaded: 0, total: 0 });
        Ok(())
    }

    /// The blobs of the models that the index asks for; that of pictures too where this session takes none, as another page of the
    /// site may.
    pub(super) fn packs(&self, snapshot: &Snapshot) -> Vec<String> {
        let pictures = snapshot.catalog.other_model(IMAGE);
        [Some(snapshot.catalog.model()), pictures].into_iter().flatten().map(|model| model::on_device(model).blob()).collect()
    }

    /// Opens the image model from what is on the device; nothing is fetched.
    ///
    /// Errors: what [`Session::prepare_image`] failed with, `Error::NotFound` where the device has no model, `Error::Input` where
    /// the session takes no pictures.
    pub async fn open_image(&self) -> Result<Rc<dyn ImageModel>> {
        self.check_open()?;
        let asked = || Error::input("The session was opened without pictures. Open it with imageModel: true.");
        let load = self.images.load.as_ref().ok_or_else(asked)?;
        if let Some(model) = &*self.images.model.borrow() {
            return Ok(model.clone());
        }
        let snapshot = self.snapshot();
        let expected = snapshot.catalog.other_model(IMAGE).ok_or_else(no_vectors)?;
        let here = self.images.pending.borrow_mut().take();
        let pack = match here {
            Some(pack) => Some(pack),
            None => self.downloads(&Abort::new()).stored(&model::on_device(expected)).await?,
        };
        let Some(pack) = pack else {
            let problem = self.images.problem.borrow().clone();
            return Err(problem.unwrap_or_else(|| Error::NotFound("There is no image model on the device. Call sync().".to_owned())));
        };
        let outcome = load(pack, &expected.id).and_then(|found| model::check(found.id(), found.dim(), expected).map(|()| found));
        match outcome {
            Ok(found) => {
                *self.images.model.borrow_mut() = Some(found.clone());
                Ok(found)
            }
            Err(error) => {
                *self.images.problem.borrow_mut() = Some(error.clone());
                Err(error)
            }
        }
    }
}
