//! palate: private recommendations that run in the page.
//!
//! A publisher builds an index of items with the command line `palate`; a web page imports the npm package `palate`, which
//! runs this crate as WebAssembly in a worker. The visitor's history stays on the device, sealed; everybody downloads the
//! same index, and the device ranks it.
//!
//! # Three ideas
//!
//! 1. **A model is a function from weights to a graph; an executor runs graphs.** [`compute::graph`] is plain data,
//!    shape-checked when built. A model never knows the executor, nor an executor the model.
//! 2. **The outside world is a few small traits** in [`platform`]: a store, fetching, a clock, sealing. Everything else is
//!    pure, and is tested with their memory twins.
//! 3. **Storeys.** A room imports only from lower storeys, never sideways; `tests/architecture.rs` holds the tree to it.
//!
//! # Rooms, by storey
//!
//! | | room | what lives there |
//! | --- | --- | --- |
//! | 0 | [`error`] | one flat error, split by what the caller can do |
//! | 1 | [`math`] | vectors, the int8 scan, top-k, seeded randomness, `simd` |
//! | 2 | [`format`], [`preprocess`], [`platform`] | bytes to values; media to model inputs; the outside world |
//! | 3 | [`compute`], [`index`], [`history`] | graphs and executors; the catalog in memory; what the visitor did |
//! | 4 | [`models`], [`fuse`], [`rank`] | architectures; several modalities to one vector; what the visitor sees |
//! | 5 | [`encode`], [`evaluate`] | raw items to embeddings; how good a ranking was |
//! | 6 | [`engine`], `train` | one open session and its downloads; what the publisher learns |
//! | 7 | `publish` | items in, index out |
//! | 8 | `bindings` | wasm-bindgen: converts and forwards, computes nothing |
//!
//! `train` and `publish` come with the feature `publisher`, `bindings` with the target wasm32. `preprocess` has pictures and sounds;
//! a film is frames and a sound.
//!
//! # Invariants
//!
//! 1. Below storey 6, except in `platform::{web,native}`, nothing performs I/O, reads a clock or asks for randomness.
//! 2. Every op runs on every executor, to a tolerance that is written once (`tests/ops/everywhere`).
//! 3. `wgpu` is named only in `compute/webgpu`, `web_sys` only in `platform/web` and `bindings`; `std::fs` only in
//!    `platform/native` and `bin/`; `cfg(target_arch)` only at the doors (here, `math/simd`, `compute`, `platform/mod.rs`, `bindings`).
//! 4. On-disk and on-wire shapes are written out in `format` and `bindings`; inner types are not `Serialize`.
//! 5. Bytes from outside never panic: offsets checked, sizes bounded before allocation, an unknown version is an error.
//! 6. The visitor's history never appears in a URL, a header, a log line or an error message.
//! 7. The same inputs give the same ranking on every device, up to a written tolerance; ties break by item key.
//!
//! # How a list is ranked
//!
//! A score is a sum of terms, and every term splits its addend by the events behind it ([`rank::term`]). Content terms
//! compare vectors of the catalog. The trained term comes with the index: `publish::ranker` learns item-item weights and
//! factors from interactions, chooses gains, fading and the entries worth their bytes (`train::entries`; of symmetric matrices as `train::pairs`) on held-out events, and puts
//! them into a shard ([`format::ranker`]) that [`rank::learned`] scores on the device; [`engine::terms`] says how the two are weighed.
//! What is finished is kept (`train::kept`, [`platform::checkpoint`]), so that a build that was stopped goes on to the same bytes.
//!
//! What a term is worth to one visitor is learned on the device ([`engine::learning`]): an event that follows a list keeps
//! what the terms had said of its item, and a Bayesian logistic regression ([`rank::learner`]) replays these events out of
//! the sealed history. It multiplies whole terms, so that scores stay sums. What others turn to at a time of the week is a
//! small term of its own ([`rank::clock`]), learned and shipped where it helps. From the best candidates to the list:
//! variety, the visitor's own mix, fairness to providers, caps ([`rank::arrange`]), then Thompson sampling for the slots
//! that explore ([`rank::explore`]).
//!
//! # How the text encoder is fast and right
//!
//! int8 weights (one scale an output) by activations quantized to 7 bits per row while they run, so that byte products
//! take them in one pass. That alone costs 6e-3 of cosine in MiniLM. What brings it below 1e-3: the sixteen input columns
//! that carry most of the energy are multiplied apart, with scales of their own
//! ([`compute::cpu::linear::pack::Outliers`]), and weights are rounded so that the product comes out right
//! (`publish::quantize`). Tokens come from the library `tokenizers`, part by part, and its patterns are matched by the browser's own
//! regular expressions ([`encode::tokenizer`]). Batches are packed end to end; nothing is padded, but texts of SigLIP, which reads what fills them up.
//! Attention can have a bias by distance (MPNet, Swin), and see the tiles of an image alone.
//!
//! Encoders run their graph [`pruned`](compute::graph::Graph::pruned): where a vector is one row of the last layer (a class token, an
//! end of text), what goes row by row before it is computed for that row alone.
//!
//! # How the GPU is used, and not trusted
//!
//! [`compute::webgpu`] runs the same graphs by `wgpu`: one dispatch an op, everything of a batch in one submission, one buffer
//! read back; weights int8 and unpacked in the shader, activations f32, so its answers are nearer to the unquantized model than
//! the processor's. Products are cut up by tilings; those that need what not every device has (subgroups, sums of products of
//! bytes, half precision) stand beside portable ones, and are taken where timing on the device says so. Before the first run of a length (a
//! vector, a short batch, a long one) [`compute::probe`] asks the device what is known, several shapes and times, and compares
//! every number; what is wrong is not used. Its kernels are compiled while the weights are written, as most of a first call is compiling.
//! [`encode::device`] decides: with `device: 'auto'` the processor answers from the start, the devices race once when nobody
//! waits, for one text and for batches, and the outcome is remembered for the adapter. A run whose device is lost is done
//! again on a new one, at last on the processor. A large index is scanned there in the same way ([`engine::scan`]), in the
//! processor's own integers.
//!
//! # How pictures are encoded
//!
//! Bytes are resized bit for bit as the checkpoints' processors do it ([`preprocess::resize`]), and an image is a matrix whose rows
//! are positions and whose columns are channels. A convolution is [`Unfold`](compute::graph::Op::Unfold) and the int8 product that
//! texts use; only depthwise ones have a kernel of their own. What training fixed (batch norms, layer scales, interpolated
//! positions) is folded into the matrices when the pack is made (`publish::fold`).
//!
//! A catalog can have an image model of its own ([`models::tower`]): `train::tower` runs the very graph that pages run, forward and
//! backward in f32, and aligns pictures with the vectors of the items' texts. Such a model has no vectors in the index: the manifest
//! says `"space": "text"`, and what it makes of a picture ranks the texts. An ear of its own ([`models::cnn_lstm`]: convolutions,
//! then an LSTM along the time) is learned of its sounds in the same way, and a Transformer over frames and words
//! ([`fuse::video_text`]) of its films. The items' films then have vectors of their own beside the texts', and the Transformer comes as a
//! shard of the index, so that [`engine`] reads a film that is asked with in the same way. A fusion that was learned with films joins
//! them to what lists go by, like any other modality.
//!
//! # How sounds are encoded
//!
//! A sound becomes a log-mel spectrogram as its model's checkpoint wants it ([`preprocess::audio`]), in double precision and with a
//! Fourier transform and a resampler of our own: each is 60 lines, where crates for them would be a tenth of the download. The
//! spectrogram is an image of one channel, cut into patches (for HTSAT made a square before, [`preprocess::square`]); the vector is
//! the mean of theirs. Of a long sound only the beginning is decoded and heard, and silence is refused: it sounds like nothing.
//!
//! # How modalities are joined
//!
//! An item is as many rows as it has modalities, and [`fuse::joint`] is attention of one learned query to them: a gated sum of
//! projections in which what is missing is not there. `train::fusion` learns it by steps and, from interactions, in closed form
//! (`train::fusion_start`: a ridge of likes on content), whichever validates better. The index's vectors are then the joined ones, the
//! modalities' own beside them ([`format::space`]). The pack comes as a shard of the index, so that [`engine`] joins a query's text and
//! picture or sound wherever the index is.

pub mod compute;
pub mod encode;
pub mod engine;
pub mod error;
pub mod evaluate;
pub mod format;
pub mod fuse;
pub mod history;
pub mod index;
pub mod math;
pub mod models;
pub mod platform;
pub mod preprocess;
pub mod rank;

#[cfg(target_arch = "wasm32")]
pub mod bindings;
#[cfg(feature = "publisher")]
pub mod publish;
#[cfg(feature = "publisher")]
pub mod train;

pub use error::{Error, Result};
