//! The publisher's command line: dispatches to one file per subcommand.
//!
//! Not here: any work.

mod evaluate;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "palate", version, about = "Private recommendations that run in the page: the publisher's side")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure how good the recommendations are, and what they cost the device.
    Evaluate(evaluate::Evaluate),
}

fn main() -> std::process::ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Evaluate(command) => command.run(),
    };
    match outcome {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            std::process::ExitCode::from(1)
        }
    }
}
