//! The one error type of the crate, split by what the caller can do about it.
//!
//! Every message carries the facts (what was expected, what was found, where) and ends with what to do.
//! No message ever holds an item key, an event or anything else of the visitor's history.

use std::fmt;

/// Shorthand used through the whole crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, by what the caller can do. [`Error::code`] is the stable string that reaches JavaScript.
#[derive(Debug, Clone, PartialEq)]
pub enum Error {
    /// The call or a file of the caller's is wrong: fix it and call again.
    Input(String),
    /// An item, file or model that was named does not exist.
    NotFound(String),
    /// Bytes do not verify (truncated, flipped, inconsistent): fetch or build them again.
    Corrupt { what: String, detail: String },
    /// The bytes are of a format version that this build does not read.
    Version { what: String, found: u64, supported: u64 },
    /// Two parts that must belong together do not (a model and an index, say).
    Mismatch(String),
    /// A fetch failed: try again when the network is back.
    Network(String),
    /// The device has no room left for what must be stored.
    Quota(String),
    /// The browser or the operating system denies storage.
    Storage(String),
    /// The caller aborted.
    Aborted,
    /// The session was closed before the call.
    Closed,
    /// The compute device failed or gave wrong answers.
    Device(String),
    /// A bug of ours.
    Internal(String),
}

impl Error {
    /// Stable, documented code of the error, as `PalateError.code` in JavaScript.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Input(_) => "bad-input",
            Error::NotFound(_) => "not-found",
            Error::Corrupt { .. } => "corrupt",
            Error::Version { .. } => "version",
            Error::Mismatch(_) => "mismatch",
            Error::Network(_) => "network",
            Error::Quota(_) => "quota",
            Error::Storage(_) => "storage",
            Error::Aborted => "aborted",
            Error::Closed => "closed",
            Error::Device(_) => "device",
            Error::Internal(_) => "internal",
        }
    }

    /// A [`Error::Corrupt`] from a name and a fact.
    pub fn corrupt(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Error::Corrupt { what: what.into(), detail: detail.into() }
    }

    /// A [`Error::Input`]; the text should end with what to do.
    pub fn input(text: impl Into<String>) -> Self {
        Error::Input(text.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Input(text)
            | Error::NotFound(text)
            | Error::Mismatch(text)
            | Error::Network(text)
            | Error::Quota(text)
            | Error::Storage(text)
            | Error::Device(text) => f.write_str(text),
            Error::Corrupt { what, detail } => {
                write!(f, "{what} is damaged: {detail}. Fetch or build it again.")
            }
            Error::Version { what, found, supported } => write!(
                f,
                "{what} has format version {found}, this build of palate reads up to {supported}. Update palate, or build the file with an older one."
            ),
            Error::Aborted => f.write_str("The call was aborted. Call again if that was not meant."),
            Error::Closed => f.write_str("The session is closed. Open a new one."),
            Error::Internal(text) => write!(f, "{text}. This is a bug in palate: please report it."),
        }
    }
}

impl std::error::Error for Error {}
