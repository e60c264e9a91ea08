//! Joins what items have of modalities to the vectors that an index is ranked by.
//!
//! Not here: the joining itself (`fuse`) and what else a build does (`build`).

use std::collections::BTreeMap;

use crate::error::Result;
use crate::format::manifest::Model;
use crate::format::shard::Row;
use crate::format::space::{Embedded, Models};
use crate::fuse::Fuser;
use crate::index::catalog::TEXT;
use crate::math::scan::quantize_row;

/// Items that are joined at a time.
const BATCH: usize = 256;

/// Makes the rows' vectors those of the fusion, and the texts' own ones a space beside; gives the fusion as a model.
///
/// What is fused is what is stored: the same whether a vector was encoded just now or came from a base.
///
/// # Errors
/// As [`Fuser::check`] and [`Fuser::fuse`].
pub fn fuse(rows: &mut [Row], fuser: &Fuser, text: Model, others: &mut Models) -> Result<Model> {
    fuser.check(TEXT, &text)?;
    // An image model may be there for the frames of films alone.
    let seen = |modality: &String| rows.iter().any(|row| row.others.contains_key(modality));
    others.iter().filter(|(modality, _)| seen(modality)).try_for_each(|(modality, model)| fuser.check(modality, model))?;
    let numbers = |vector: &[i8], scale: f32| (scale > 0.0).then(|| vector.iter().map(|&v| f32::from(v) * scale).collect::<Vec<f32>>());
    for rows in rows.chunks_mut(BATCH) {
        let own = |row: &Row| -> Vec<Option<Vec<f32>>> {
            let of = |name: &str| match name {
                TEXT => numbers(&row.vector, row.scale),
                other => row.others.get(other).and_then(|e| numbers(&e.vector, e.scale)),
            };
            fuser.config().modalities.iter().map(|m| of(&m.name)).collect()
        };
        let owned: Vec<Vec<Option<Vec<f32>>>> = rows.iter().map(own).collect();
        let with: Vec<usize> = (0..owned.len()).filter(|&at| owned[at].iter().any(Option::is_some)).collect();
        let items: Vec<Vec<Option<&[f32]>>> = with.iter().map(|&at| owned[at].iter().map(Option::as_deref).collect()).collect();
        let mut fused = with.iter().zip(fuser.fuse(&items)?).map(|(at, vector)| (*at, quantize_row(&vector))).collect::<BTreeMap<_, _>>();
        for (at, row) in rows.iter_mut().enumerate() {
            let (vector, scale) = fused.remove(&at).unwrap_or_else(|| (vec![0; fuser.dim()], 0.0));
            let text = Embedded { vector: std::mem::replace(&mut row.vector, vector), scale: std::mem::replace(&mut row.scale, scale), hash: row.hash };
            if text.scale > 0.0 {
                row.others.insert(TEXT.to_string(), text);
            }
        }
    }
    others.insert(TEXT.to_string(), text);
    Ok(Model { id: fuser.id().clone(), dim: fuser.dim(), file: None, in_text_space: false })
}
