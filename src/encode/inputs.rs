//! What stands before a model, whatever it takes, and such a model on the processor.
//!
//! Not here: how texts, pictures and sounds become batches (`text`, `image`, `audio`), and other devices (`device`).

use std::sync::Arc;

use super::race::Heat;
use crate::compute::cpu::{CpuModel, isa::Isa};
use crate::compute::graph::Graph;
use crate::error::{Error, Result};
use crate::format::pack::{ModelId, Pack};
use crate::models;

/// What a pack says whatever its model takes.
pub struct Head {
    /// Which model makes the vectors.
    pub id: ModelId,
    /// The text model in whose space they are; `None` for a space of their own.
    pub space: Option<ModelId>,
    /// Length of a vector.
    pub dim: usize,
    /// The model as data, without what its vectors do not need.
    pub graph: Graph,
}

impl Head {
    /// Of a pack whose architecture is one of `known`; `refusal` says before their names what another one is refused for.
    ///
    /// # Errors
    /// [`Error::Input`] for another architecture, [`Error::Corrupt`] for weights that do not make it.
    pub fn of(pack: &Pack, known: &[&str], refusal: &str) -> Result<Self> {
        let name = pack.architecture.as_str();
        if !known.contains(&name) {
            return Err(Error::input(format!("{name:?} {refusal} a pack of one of {}.", known.join(", "))));
        }
        let graph = models::graph(name, &pack.config, &pack.encoder, pack.file())?;
        let dim = graph.shape(graph.output()).cols;
        if dim != pack.encoder.dim {
            return Err(Error::corrupt("the model pack", format!("it says {} dimensions, its weights {dim}", pack.encoder.dim)));
        }
        Ok(Self { id: pack.id.clone(), space: models::tower::space(&pack.config), dim, graph: graph.pruned() })
    }
}

/// What stands before a model: whatever it takes, as batches of its graph.
pub trait Inputs: Sized {
    /// Reads a pack.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a pack whose parts do not fit, [`Error::Input`] for an architecture that takes something else.
    fn new(pack: &Pack) -> Result<Self>;

    /// What is the same of all.
    fn head(&self) -> &Head;

    /// What races.
    ///
    /// # Errors
    /// None that is not a bug.
    fn heat(&self) -> Result<Heat>;
}

/// A model that is ready to run on the processor, with what stands before it.
pub struct OnCpu<I> {
    pub(super) inputs: I,
    pub(super) model: CpuModel,
}

impl<I: Inputs> OnCpu<I> {
    /// Opens a pack for an instruction set.
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::Version`] for bytes that are no pack of ours, [`Error::Input`] for an architecture that
    /// takes something else.
    pub fn open(pack: impl Into<Arc<Vec<u8>>>, isa: Isa) -> Result<Self> {
        Self::from_pack(&Pack::parse(pack)?, isa)
    }

    /// As [`OnCpu::open`], from a pack that is parsed already. The pack can be dropped afterwards.
    ///
    /// # Errors
    /// As [`OnCpu::open`].
    pub fn from_pack(pack: &Pack, isa: Isa) -> Result<Self> {
        let inputs = I::new(pack)?;
        let graph = inputs.head().graph.clone();
        Self::with_graph(inputs, graph, pack, isa)
    }

    /// As [`OnCpu::from_pack`], with every row of every layer: what a quantizer calibrates by is in those too that vectors do not need.
    ///
    /// # Errors
    /// As [`OnCpu::open`].
    pub fn whole(pack: &Pack, isa: Isa) -> Result<Self> {
        let graph = models::graph(&pack.architecture, &pack.config, &pack.encoder, pack.file())?;
        Self::with_graph(I::new(pack)?, graph, pack, isa)
    }

    fn with_graph(inputs: I, graph: Graph, pack: &Pack, isa: Isa) -> Result<Self> {
        Ok(Self { model: CpuModel::new(graph, pack.file(), isa)?, inputs })
    }

    /// What stands before the model.
    pub fn inputs(&self) -> &I {
        &self.inputs
    }

    /// Length of an embedding.
    pub fn dim(&self) -> usize {
        self.inputs.head().dim
    }

    /// Which model makes these vectors.
    pub fn model_id(&self) -> &ModelId {
        &self.inputs.head().id
    }

    /// The text model in whose space these vectors are; `None` for a space of their own.
    pub fn space(&self) -> Option<&ModelId> {
        self.inputs.head().space.as_ref()
    }

    /// The instruction set in use.
    pub fn isa(&self) -> Isa {
        self.model.isa()
    }

    /// The graph that runs.
    pub fn graph(&self) -> &Graph {
        self.model.graph()
    }
}

/// What `run` gives for each part, in their order; natively spread over the processors.
///
/// # Errors
/// The first that `run` returns.
pub(super) fn each<T: Sync>(parts: &[T], run: impl Fn(&T) -> Result<Vec<f32>> + Sync) -> Result<Vec<Vec<f32>>> {
    #[cfg(feature = "publisher")]
    {
        use rayon::prelude::*;
        parts.par_iter().map(&run).collect()
    }
    #[cfg(not(feature = "publisher"))]
    parts.iter().map(run).collect()
}
