//! `palate key`: the publisher's signing key.
//!
//! Not here: signing (`build --sign`) and the cryptography (`palate::platform::native::signing`).

use std::path::PathBuf;

use clap::Subcommand;
use palate::Result;
use palate::platform::native::Signer;
use serde_json::json;

use crate::terminal::{bold, line, tick};

#[derive(Subcommand)]
pub enum Key {
    /// Make a key file. Keep it secret and safe: pages with its public key accept no other publisher.
    New {
        /// The key file; never one that is there already.
        file: PathBuf,
        /// Print one JSON object in place of text.
        #[arg(long)]
        json: bool,
    },
    /// Print the public key of a key file.
    Public {
        file: PathBuf,
        /// Print one JSON object in place of text.
        #[arg(long)]
        json: bool,
    },
}

impl Key {
    pub fn run(self) -> Result<()> {
        let (signer, made, json) = match self {
            Key::New { file, json } => {
                let signer = Signer::fresh()?;
                signer.write_new(&file)?;
                (signer, Some(file), json)
            }
            Key::Public { file, json } => (Signer::read(&file)?, None, json),
        };
        if json {
            return line(&json!({"public_key": signer.public(), "file": made}).to_string());
        }
        let Some(file) = made else {
            return line(&signer.public());
        };
        line(&format!("{} {} is your secret key: keep it out of the repository and the web server", tick(), file.display()))?;
        line(&format!("  palate build --sign {}", file.display()))?;
        line(&format!("  Recommender.open({{ publicKey: '{}' }})", bold(&signer.public())))
    }
}
