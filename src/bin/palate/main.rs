//! The publisher's command line: dispatches to one file per subcommand.
//!
//! Not here: any work. Exit codes: 0 done, 1 failed, 2 wrong usage.

mod build;
mod encode;
mod evaluate;
mod evaluation;
mod evaluation_page;
mod film;
mod films;
mod fusion_account;
mod fusion_items;
mod inspect;
mod interactions;
mod items;
mod key;
mod learned;
mod media;
mod model;
mod pack;
mod pictures;
mod plot;
mod query;
mod recommend;
mod search;
mod sound;
mod terminal;
mod train;
mod train_fusion;
mod train_tower;
mod train_video;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Private recommendations that run in the page: the publisher's side.
#[derive(Parser)]
#[command(name = "palate", version, about, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Model packs: quantize a checkpoint for the page.
    #[command(subcommand)]
    Model(model::Model),
    /// Embeddings of texts, pictures, sounds or films, one JSON line each.
    Encode(encode::Encode),
    /// Learn a model of a catalog of its own.
    #[command(subcommand)]
    Train(train::Train),
    /// Items in, index out: what the page downloads.
    Build(build::Build),
    /// The publisher's signing key.
    #[command(subcommand)]
    Key(key::Key),
    /// How good the recommendations are, and what they cost the device.
    Evaluate(evaluate::Evaluate),
    /// What an index or a model pack holds, and whether it verifies.
    Inspect(inspect::Inspect),
    /// The items nearest to a text, a picture, a sound or a film.
    Search(search::Search),
    /// What the page would recommend after a history.
    Recommend(recommend::Recommend),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Model(command) => command.run(),
        Command::Train(command) => command.run(),
        Command::Encode(command) => command.run(),
        Command::Build(command) => command.run(),
        Command::Key(command) => command.run(),
        Command::Evaluate(command) => command.run(),
        Command::Inspect(command) => command.run(),
        Command::Search(command) => command.run(),
        Command::Recommend(command) => command.run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::fail(&error);
            ExitCode::from(1)
        }
    }
}
