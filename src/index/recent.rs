//! The cosines that a catalog was asked for last: a visitor's interests are the same from list to list, but for the one that
//! his last tap concerned.
//!
//! What is kept is what a scan would give again, bit by bit. Not here: the scan.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::math::scan::Query;

/// Most scans that are kept, and most bytes of them.
const MOST: usize = 24;
const MOST_BYTES: usize = 32 << 20;

type Kept = (Query, Arc<Vec<f32>>);

/// The last scans, the latest at the end.
#[derive(Debug, Default)]
pub struct Recent {
    kept: Mutex<Vec<Kept>>,
}

impl Clone for Recent {
    /// A copy starts with none.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Recent {
    fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cosines of `query`, if they are kept.
    pub fn get(&self, query: &Query) -> Option<Arc<Vec<f32>>> {
        let mut kept = self.kept();
        let place = kept.iter().position(|(known, _)| known == query)?;
        let found = kept.remove(place);
        let cosines = found.1.clone();
        kept.push(found);
        Some(cosines)
    }

    /// Keeps `cosines` (`[items]`), in place of what was not asked for the longest and is held by nobody else: what is held takes no
    /// memory by being kept.
    pub fn keep(&self, query: Query, cosines: Arc<Vec<f32>>) {
        let most = (MOST_BYTES / (4 * cosines.len()).max(1)).min(MOST);
        let mut kept = self.kept();
        kept.push((query, cosines));
        let mut over = kept.len().saturating_sub(most);
        kept.retain(|(_, cosines)| {
            let goes = over > 0 && Arc::strong_count(cosines) == 1;
            over -= usize::from(goes);
            !goes
        });
    }
}
