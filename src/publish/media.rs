//! The pictures, sounds and films that items name: which are encoded anew, which keep the vector of an earlier index, which can't be used.
//!
//! Not here: where files stand and how they are decoded (whoever implements [`EncodeMedia`]).

use super::build::Base;
use super::items::{Bad, Item, NAMED};
use crate::error::{Error, Result};
use crate::format::digest::short;
use crate::format::manifest::Model;
use crate::format::pack::ModelId;
use crate::format::space::Embedded;
use crate::math::scan::quantize_row;

/// Files of one call of the encoder: they are in memory together.
const BATCH: usize = 16;
/// Bytes after which no more files are taken into one.
const BATCH_BYTES: usize = 128 << 20;

/// What of an item is encoded.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Source {
    /// The file, or the folder of them, as the item names it.
    pub name: String,
    /// A picture's or a sound's bytes; of a film, its frames'.
    pub files: Vec<Vec<u8>>,
    /// Words that go with a film.
    pub words: Vec<String>,
}

impl Source {
    /// The file of an item's field `name`, if it names one and `read` finds it.
    ///
    /// # Errors
    /// What `read` returns.
    pub fn file(item: &Item, name: &str, read: impl FnOnce(&str) -> Result<Option<Vec<u8>>>) -> Result<Option<Self>> {
        let Some(name) = item.fields.get(name).and_then(serde_json::Value::as_str) else { return Ok(None) };
        Ok(read(name)?.map(|bytes| Self { name: name.to_string(), files: vec![bytes], words: Vec::new() }))
    }

    /// The bytes of its only file.
    pub fn bytes(&self) -> &[u8] {
        self.files.first().map_or(&[], Vec::as_slice)
    }

    fn size(&self) -> usize {
        self.files.iter().map(Vec::len).sum()
    }
}

/// What turns media files of one kind into vectors.
pub trait EncodeMedia {
    /// The modality.
    fn modality(&self) -> &'static str;

    /// What files of it are called in messages: "pictures".
    fn many(&self) -> &'static str;

    /// Who it is and how long its vectors are.
    fn model(&self) -> Model;

    /// The text model in whose space its vectors are: pictures then rank the texts, and items need no further vectors.
    fn space(&self) -> Option<ModelId> {
        None
    }

    /// What tells a source apart from one that would get another vector: its bytes, and what is done to them.
    fn hash(&self, source: &Source) -> u64 {
        short(source.bytes())
    }

    /// What of an item is encoded; `None` where it has nothing.
    ///
    /// # Errors
    /// Where it is there and cannot be read.
    fn read(&self, item: &Item) -> Result<Option<Source>>;

    /// A unit vector (`[dim]`) a source, or why it can't be used.
    ///
    /// # Errors
    /// What keeps all of them from being encoded.
    fn encode(&self, sources: &[Source]) -> Result<Vec<Result<Vec<f32>>>>;
}

/// What became of the items' pictures, or sounds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Account {
    /// Files that went through the encoder.
    pub encoded: usize,
    /// Files whose vector came from the base.
    pub reused: usize,
    /// Items without one, or whose file is not there.
    pub without: usize,
    /// Files that are no picture, or no sound.
    pub bad: Bad,
}

/// A vector for each item whose file is there, in their order.
///
/// # Errors
/// [`Error::Input`] for files that can't be used, unless `skip_bad`; what the encoder returns.
pub fn embed(
    items: &[Item],
    encoder: &dyn EncodeMedia,
    base: Option<&Base>,
    skip_bad: bool,
    progress: &mut dyn FnMut(usize),
) -> Result<(Vec<Option<Embedded>>, Account)> {
    let (model, modality) = (encoder.model(), encoder.modality());
    let usable = base.filter(|base| base.catalog.other_model(modality).is_some_and(|old| old.id.sha256 == model.id.sha256 && old.dim == model.dim));
    let mut vectors: Vec<Option<Embedded>> = vec![None; items.len()];
    let mut account = Account::default();
    let mut waiting: Vec<(usize, u64)> = Vec::new();
    let mut sources: Vec<Source> = Vec::new();
    for (at, item) in items.iter().enumerate() {
        progress(at);
        let Some(source) = encoder.read(item)? else {
            account.without += 1;
            continue;
        };
        let hash = encoder.hash(&source);
        let old = usable.and_then(|base| {
            let (shard, row) = base.catalog.place(base.catalog.ordinal(&item.key)?)?;
            shard.space(modality)?.to_row(row).filter(|old| old.hash == hash)
        });
        if let Some(old) = old {
            account.reused += 1;
            vectors[at] = Some(old);
            continue;
        }
        waiting.push((at, hash));
        sources.push(source);
        if sources.len() == BATCH || sources.iter().map(Source::size).sum::<usize>() >= BATCH_BYTES {
            encode(&mut waiting, &mut sources, encoder, model.dim, &mut vectors, &mut account)?;
        }
    }
    encode(&mut waiting, &mut sources, encoder, model.dim, &mut vectors, &mut account)?;
    progress(items.len());
    if account.bad.rows > 0 && !skip_bad {
        let more = if account.bad.rows > NAMED { format!("\n  and {} more", account.bad.rows - NAMED) } else { String::new() };
        let named = account.bad.named.join("\n  ");
        return Err(Error::input(format!(
            "{} {} can't be used:\n  {named}{more}\nReplace them, or leave them out with --skip-bad. Nothing was written.",
            account.bad.rows,
            encoder.many()
        )));
    }
    Ok((vectors, account))
}

/// Encodes what waits and puts it where it belongs.
fn encode(
    waiting: &mut Vec<(usize, u64)>,
    sources: &mut Vec<Source>,
    encoder: &dyn EncodeMedia,
    dim: usize,
    vectors: &mut [Option<Embedded>],
    account: &mut Account,
) -> Result<()> {
    if sources.is_empty() {
        return Ok(());
    }
    let found = encoder.encode(sources)?;
    if found.len() != sources.len() {
        return Err(Error::Internal(format!("the encoder gave {} vectors for {} files", found.len(), sources.len())));
    }
    for (vector, (at, hash)) in found.into_iter().zip(waiting.drain(..)) {
        match vector {
            Ok(vector) if vector.len() == dim && vector.iter().all(|v| v.is_finite()) => {
                let (vector, scale) = quantize_row(&vector);
                vectors[at] = Some(Embedded { vector, scale, hash });
                account.encoded += 1;
            }
            Ok(vector) => return Err(Error::Internal(format!("the encoder gave {} numbers that are not {dim} finite ones", vector.len()))),
            Err(error) => {
                account.bad.rows += 1;
                if account.bad.named.len() < NAMED {
                    account.bad.named.push(error.to_string());
                }
            }
        }
    }
    sources.clear();
    Ok(())
}
