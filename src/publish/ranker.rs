//! Interactions to the index's ranker shard: cleaned, learned from, chosen on held-out events, learned again from all.
//!
//! Not here: reading files (`interaction_text`, `interaction_columns`), the methods (`train`), the bytes (`format`).

use crate::evaluate::dataset::{Account, Cleaning, Interactions, Keys, Sequence};
use crate::evaluate::split::hold_out_last;
use crate::format::ranker::write;
use crate::index::Catalog;
use crate::train::choices::Blended;
use crate::train::clock::{Worth, clock, clock_bytes, in_milliseconds, part_of, worth};
use crate::platform::Checkpoint;
use crate::train::features::{Features, unit_rows};
use crate::train::kept::{Kept, digest};
use crate::train::methods::{Data, Settings, Trainer};
use crate::train::ship;
use crate::{Error, Result};

/// With two, each of them could tell what the other met beside it.
pub const MIN_PEOPLE: usize = 3;
/// Last events that choices are made on: of so many people at most, evenly spread.
pub const HELD_OUT: usize = 20_000;
/// What the shard has besides its tensors: names, sizes, alignment.
const HEADER: usize = 4096;
/// Unknown items that are named.
const NAMED: usize = 5;

/// What the publisher decides.
#[derive(Debug, Clone)]
pub struct Options {
    /// What is dropped first. Ratings or weights below its least value say nothing good about an item; `None`: all ratings count, and of
    /// weights and events those above 0.
    pub cleaning: Cleaning,
    /// Items that fewer people met are learned nothing of: every row, factor and count that is shipped speaks of so many
    /// people at least. 0 and 1: no such bound.
    pub min_people: usize,
    /// Hours that visitors' clocks are ahead of the interactions' times.
    pub utc_offset: f64,
    /// Most bytes of the shard.
    pub budget_bytes: usize,
    /// Whether the sequence encoder is tried (minutes); it is taken where it earns 2 % on the held-out events.
    pub sequence: bool,
    /// Settings of the methods; the budget above counts.
    pub settings: Settings,
}

impl Default for Options {
    fn default() -> Self {
        Self { cleaning: Cleaning::default(), min_people: MIN_PEOPLE, utc_offset: 0.0, budget_bytes: 4_000_000, sequence: false, settings: Settings::default() }
    }
}

/// What was learned from what.
#[derive(Debug, Clone, PartialEq)]
pub struct Learned {
    pub cleaning: Account,
    /// Rows with an item that the catalog does not have, how many such items, and the first few.
    pub unknown_rows: usize,
    pub unknown_items: usize,
    pub unknown: Vec<String>,
    pub users: usize,
    /// Items that were left out because too few people met them, and how many interactions they had.
    pub rare_items: usize,
    pub rare_rows: usize,
    /// The least number of people of an item that was learned of.
    pub least_people: u32,
    /// Items that somebody met.
    pub items_met: usize,
    /// Held-out events that the choices were made on.
    pub held_out: usize,
    /// The blend, and how good it was on these.
    pub blended: Blended,
    /// What the time of the week is worth, where it earned its place.
    pub clock: Option<Worth>,
    /// Size of each term, in the blend's order.
    pub term_bytes: Vec<usize>,
    /// Events after which one counts 1/e, in the blend's order; infinite: never.
    pub taus: Vec<f32>,
    /// Items that the dense methods know, the most frequent ones, and the share of the interactions with them; `None`: all.
    pub dense: Option<(usize, f64)>,
    /// Size of the shard.
    pub bytes: usize,
}

/// The bytes of the ranker shard for `catalog`. `note` hears what is going on. The same catalog and interactions give
/// the same bytes on one machine, also where a run was stopped and the next one goes on from `checkpoint`.
///
/// # Errors
/// [`Error::Input`] where nothing can be learned, or nothing fits the budget.
pub fn ranker(
    catalog: &Catalog,
    interactions: Interactions,
    options: &Options,
    checkpoint: &dyn Checkpoint,
    note: &dyn Fn(&str),
) -> Result<(Vec<u8>, Learned)> {
    let items = catalog.len();
    let mut interactions = interactions;
    let unknown = known_only(catalog, &mut interactions)?;
    // Without ratings, what is not above 0 was a dismissal.
    let least = options.cleaning.min_value.or((!interactions.has_rating).then_some(f32::MIN_POSITIVE));
    let (sequences, cleaning) = interactions.sequences(&Cleaning { min_value: least, ..options.cleaning.clone() })?;
    note(&cleaning.line());
    let (mut sequences, rare) = without_rare(sequences, items, options.min_people);
    if sequences.is_empty() {
        return Err(Error::input(format!(
            "No item was met by {} people, so that nothing may be learned. Give more interactions, or allow items that fewer met.",
            options.min_people
        )));
    }
    let several = sequences.iter().any(|sequence| sequence.len() > 1);
    if !several {
        return Err(Error::input("Nobody in the interactions met two items, so there is nothing to learn from. Give more interactions."));
    }
    // Popularity, and room for what the time of the week may say.
    let fixed = 4 * items + HEADER + if interactions.has_time { clock_bytes(items) } else { 0 };
    let mut settings = options.settings.clone();
    settings.budget_bytes = options.budget_bytes.checked_sub(fixed).ok_or_else(|| {
        Error::input(format!("The ranker's popularity alone takes {fixed} bytes, {} are allowed. Allow more.", options.budget_bytes))
    })?;
    let features = features(catalog);
    // A function, so that each borrow of the sequences has a life of its own.
    fn data_of<'d>(sequences: &'d [Sequence], items: usize, features: &'d Features) -> Data<'d> {
        Data { sequences, items, features, valid: &[], valid_candidates: None, test_candidates: None }
    }

    let methods = methods(items <= settings.dense_items, !features.is_empty(), options.sequence);
    let decides = format!("{:x} {options:?} {} {}", catalog.keys_hash(), interactions.has_time, interactions.has_rating);
    let run = digest(&data_of(&sequences, items, &features), &decides);
    let milliseconds = in_milliseconds(&sequences);
    let held_out = hold_out_last(&mut sequences, HELD_OUT);
    let chooser = Trainer::new(Data { valid: &held_out.cases, ..data_of(&sequences, items, &features) }, settings.clone(), note);
    let mut chooser = chooser.keeping(Kept::new(checkpoint, &run, "choosing", note));
    if let Some((covered, share)) = chooser.coverage() {
        let percent = 100.0 * share;
        note(&format!("dense methods know the {covered} most frequent of {items} items, {percent:.1} % of the interactions; the other terms know all"));
    }
    let chosen = chooser.blend(&methods)?;
    let choices = chooser.choices().clone();
    drop(chooser);
    let clock_of = |sequences: &[Sequence]| clock(sequences, items, &features, options.min_people, options.utc_offset);
    let worth = match interactions.has_time.then(|| clock_of(&sequences)).flatten() {
        Some(clock) => {
            let parts: Vec<usize> = held_out.times().map(|time| part_of(time, milliseconds, options.utc_offset)).collect();
            worth(&clock, &chosen, ship::unit(&chosen, &data_of(&sequences, items, &features).counts()), &held_out.cases, &parts)
        }
        None => None,
    };
    drop(chosen);
    let held_out_events = held_out.cases.len();
    held_out.give_back(&mut sequences);
    note("the held-out events are learned from too");
    let trainer = Trainer::new(data_of(&sequences, items, &features), settings, note).with_choices(choices);
    let mut trainer = trainer.keeping(Kept::new(checkpoint, &run, "final", note));
    let blend = trainer.blend(&methods)?;
    let choices = trainer.choices();
    let blended = choices.blend.clone().ok_or_else(|| Error::Internal("no blend was chosen".into()))?;

    let counts = data_of(&sequences, items, &features).counts();
    let mut parts = ship::ranker(&blend, &counts, sequences.len(), catalog.keys_hash())?;
    parts.clock = worth.and_then(|worth| {
        let mut clock = clock_of(&sequences)?;
        clock.bias.iter_mut().for_each(|bias| *bias *= worth.gain);
        Some(clock)
    });
    let bytes = write(&parts)?;
    if bytes.len() > options.budget_bytes {
        return Err(Error::Internal(format!("a ranker of {} bytes was made where {} are allowed", bytes.len(), options.budget_bytes)));
    }
    let taus = blended.gains.iter().map(|(name, _)| choices.taus.get(name).copied().unwrap_or(f32::INFINITY)).collect();
    let learned = Learned {
        cleaning,
        unknown_rows: unknown.rows,
        unknown_items: unknown.items,
        unknown: unknown.first,
        users: sequences.len(),
        rare_items: rare.items,
        rare_rows: rare.rows,
        least_people: counts.iter().copied().filter(|&count| count > 0).min().unwrap_or(0),
        items_met: counts.iter().filter(|&&count| count > 0).count(),
        held_out: held_out_events,
        term_bytes: blend.terms.iter().map(|term| term.download_bytes()).collect(),
        clock: worth.filter(|_| parts.clock.is_some()),
        dense: trainer.coverage(),
        taus,
        blended,
        bytes: bytes.len(),
    };
    Ok((bytes, learned))
}

/// Items that too few people met, and the interactions that went with them.
struct Rare {
    items: usize,
    rows: usize,
}

/// The sequences without what fewer than `least` people met. People are counted once an item: repeats are dropped before.
fn without_rare(sequences: Vec<Sequence>, items: usize, least: usize) -> (Vec<Sequence>, Rare) {
    let mut people = vec![0usize; items];
    let mut last = vec![usize::MAX; items];
    for (user, sequence) in sequences.iter().enumerate() {
        for &item in &sequence.items {
            let at = item as usize;
            people[at] += usize::from(std::mem::replace(&mut last[at], user) != user);
        }
    }
    let is_rare = |count: &usize| *count > 0 && *count < least;
    let before: usize = sequences.iter().map(Sequence::len).sum();
    let stays = |sequence: Sequence| {
        let at: Vec<usize> = (0..sequence.len()).filter(|&at| !is_rare(&people[sequence.items[at] as usize])).collect();
        if at.len() == sequence.len() { sequence } else { sequence.pick(&at) }
    };
    let kept: Vec<Sequence> = sequences.into_iter().map(stays).filter(|sequence| !sequence.is_empty()).collect();
    let rows = before - kept.iter().map(Sequence::len).sum::<usize>();
    (kept, Rare { items: people.iter().filter(|count| is_rare(count)).count(), rows })
}

/// What is tried, cheapest first. Where dense methods don't know every item, neighbors by cosine do.
fn methods(all_dense: bool, content: bool, sequence: bool) -> Vec<&'static str> {
    let dense = [("popularity", true), ("ease", true), ("ease-content", content), ("transitions", true)];
    let others = [("item-knn", !all_dense), ("ials", true), ("sequence", sequence)];
    dense.into_iter().chain(others).filter(|(_, tried)| *tried).map(|(name, _)| name).collect()
}

/// Rows that had to be left out, and their items.
struct Unknown {
    rows: usize,
    items: usize,
    first: Vec<String>,
}

/// Gives the rows the catalog's ordinals; those with items that it doesn't have are left out.
fn known_only(catalog: &Catalog, interactions: &mut Interactions) -> Result<Unknown> {
    let mut items = Keys::default();
    for ordinal in 0..catalog.len() as u32 {
        items.intern(catalog.key(ordinal));
    }
    let names = std::mem::replace(&mut interactions.items, items);
    let ordinals: Vec<Option<u32>> = (0..names.len() as u32).map(|item| interactions.items.get(names.name(item))).collect();
    // A table of keys may hold more than the rows name.
    let mut seen = vec![false; names.len()];
    let mut unknown = Unknown { rows: 0, items: 0, first: Vec::new() };
    interactions.rows.keep(|row| {
        let ordinal = ordinals[row.item as usize];
        if ordinal.is_none() {
            unknown.rows += 1;
            if !std::mem::replace(&mut seen[row.item as usize], true) {
                unknown.items += 1;
                if unknown.first.len() < NAMED {
                    unknown.first.push(names.name(row.item).to_owned());
                }
            }
        }
        ordinal
    });
    if interactions.rows.is_empty() {
        return Err(Error::input(format!(
            "None of the {} items of the interactions is among the items (the first: {}). Give interactions with these items' ids.",
            unknown.items,
            unknown.first.join(", ")
        )));
    }
    Ok(unknown)
}

/// The catalog's own vectors as content, by ordinal; none where no item has one.
fn features(catalog: &Catalog) -> Features {
    let items = catalog.len() as u32;
    if !(0..items).any(|ordinal| catalog.has_vector(ordinal)) {
        return Features::default();
    }
    let mut dense: Vec<f32> = (0..items).flat_map(|ordinal| catalog.vector(ordinal)).collect();
    unit_rows(&mut dense, catalog.dim());
    Features { dense, dim: catalog.dim(), ..Features::default() }
}
