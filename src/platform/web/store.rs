//! Which store a session gets, and why; and the one type over all of them.

use super::indexeddb::Indexed;
use super::opfs::Opfs;
use super::shared::{Shared, WebLock};
use crate::error::{Error, Result};
use crate::platform::memory::MemoryStore;
use crate::platform::store::{Store, check_name};

/// What the page asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preference {
    /// The private file system, else IndexedDB, else memory.
    #[default]
    Auto,
    Opfs,
    IndexedDb,
    Memory,
}

impl Preference {
    /// The preference of that name on the page.
    pub fn named(name: &str) -> Result<Preference> {
        match name {
            "auto" => Ok(Preference::Auto),
            "opfs" => Ok(Preference::Opfs),
            "indexeddb" => Ok(Preference::IndexedDb),
            "memory" => Ok(Preference::Memory),
            _ => Err(Error::input("The store is not known. Pass 'auto', 'opfs', 'indexeddb' or 'memory'.")),
        }
    }
}

enum Kind {
    Opfs(Opfs),
    Indexed(Indexed),
    Memory(MemoryStore),
}

/// The store of a session.
pub struct WebStore {
    kind: Kind,
    shared: Shared,
    /// Why it is this one, in words.
    pub why: String,
}

impl WebStore {
    /// Opens the store of `space`. With [`Preference::Auto`] something always opens; a store that was asked for by
    /// name and is denied is `Error::Storage`.
    pub async fn open(space: &str, preference: Preference) -> Result<WebStore> {
        let (kind, why) = match preference {
            Preference::Opfs => (Kind::Opfs(Opfs::open(space).await?), "asked for".to_owned()),
            Preference::IndexedDb => (Kind::Indexed(Indexed::open(space).await?), "asked for".to_owned()),
            Preference::Memory => (Kind::Memory(MemoryStore::new()), "asked for".to_owned()),
            Preference::Auto => first_that_opens(space).await,
        };
        Ok(WebStore { kind, shared: Shared::join(space), why })
    }

    /// A store that ends with the session.
    pub fn memory(space: &str, why: String) -> WebStore {
        WebStore { kind: Kind::Memory(MemoryStore::new()), shared: Shared::join(space), why }
    }

    /// Its name in reports.
    pub fn name(&self) -> &'static str {
        match &self.kind {
            Kind::Opfs(_) => "opfs",
            Kind::Indexed(_) => "indexeddb",
            Kind::Memory(_) => "memory",
        }
    }

    /// Whether what is stored is there at the next visit.
    pub fn is_lasting(&self) -> bool {
        !matches!(&self.kind, Kind::Memory(_))
    }
}

/// Safari's private windows have no private file system, and what has one may have no database: each is tried, none is asked for by name
/// of a browser. Safari writes files of that system in workers alone, where all of this runs.
async fn first_that_opens(space: &str) -> (Kind, String) {
    let opfs = match Opfs::open(space).await {
        Ok(store) => return (Kind::Opfs(store), "the first choice".to_owned()),
        Err(error) => error,
    };
    match Indexed::open(space).await {
        Ok(store) => (Kind::Indexed(store), format!("no private file system: {opfs}")),
        Err(error) => (Kind::Memory(MemoryStore::new()), format!("no private file system: {opfs} No database: {error}")),
    }
}

/// Calls the same method of whichever store it is.
macro_rules! each {
    ($self:expr, $name:expr, $store:ident => $call:expr) => {{
        check_name($name)?;
        match &$self.kind {
            Kind::Opfs($store) => $call,
            Kind::Indexed($store) => $call,
            Kind::Memory($store) => $call,
        }
    }};
}

impl Store for WebStore {
    type Lock = WebLock;

    async fn peek(&self, name: &str, from: u64, most: u64) -> Result<Option<(u64, Vec<u8>)>> {
        each!(self, name, store => store.peek(name, from, most).await)
    }

    async fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        // Two tabs that replace one blob share the file that is moved into place: one after the other.
        let _turn = match &self.kind {
            Kind::Opfs(_) => Some(self.shared.lock(&format!("write.{name}")).await),
            Kind::Indexed(_) | Kind::Memory(_) => None,
        };
        each!(self, name, store => store.write(name, bytes).await)
    }

    async fn append(&self, name: &str, bytes: &[u8]) -> Result<u64> {
        each!(self, name, store => store.append(name, bytes).await)
    }

    async fn append_to(&self, name: &str, len: u64, head: &[u8], bytes: &[u8]) -> Result<Option<u64>> {
        each!(self, name, store => store.append_to(name, len, head, bytes).await)
    }

    async fn rename(&self, from: &str, to: &str) -> Result<()> {
        check_name(to)?;
        each!(self, from, store => store.rename(from, to).await)
    }

    async fn remove(&self, name: &str) -> Result<()> {
        each!(self, name, store => store.remove(name).await)
    }

    async fn list(&self) -> Result<Vec<String>> {
        each!(self, "list", store => store.list().await)
    }

    async fn lock(&self, name: &str) -> Result<WebLock> {
        check_name(name)?;
        // A store in memory is this session's alone, but its calls may overlap: they wait for each other all the same.
        Ok(self.shared.lock(&if self.is_lasting() { name.to_owned() } else { format!("{name}:{}", self.shared.own()) }).await)
    }

    fn announce(&self) {
        if self.is_lasting() {
            self.shared.announce();
        }
    }

    fn heard(&self) -> bool {
        self.is_lasting() && self.shared.heard()
    }
}
