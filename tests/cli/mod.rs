//! The command line run as a user runs it: exit codes, messages, results.

mod build;
mod ear;
mod evaluate;
mod find;
mod films;
mod fusion;
mod pictures;
mod tower;
mod sounds;
mod usage;
mod video;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use palate::publish::model::{Options, model_add};
use serde_json::Value;

use crate::catalogs::checkpoint::write_checkpoint;

/// A folder with a model pack and a file of items, and the command run in it.
pub struct Shop {
    place: tempfile::TempDir,
}

/// Six items in two groups of words.
const ITEMS: &str = r#"{"id": "boots", "title": "Warm winter boots", "tags": ["snow", "wool"], "price": 59.5}
{"id": "socks", "title": "Wool", "tags": ["warm", "winter"]}
{"id": "chair", "title": "Oak chair", "tags": ["wood"], "price": 120}
{"id": "lamp", "title": "Garden lamp", "tags": ["light"]}
{"id": "tea", "title": "Green tea", "tags": ["leaf", "cup"], "description": "tea tea"}
{"id": "silent"}
"#;

impl Shop {
    pub fn new() -> Self {
        let shop = Self { place: tempfile::tempdir().unwrap() };
        write_checkpoint(&shop.at("checkpoint"), 1);
        let options = Options { name: Some("tiny".into()), ..Options::default() };
        model_add(&shop.at("checkpoint"), Some(&shop.at("models/tiny/pack")), &options).unwrap();
        shop.file("items.jsonl", ITEMS.as_bytes());
        shop
    }

    /// A shop whose index is built.
    pub fn open() -> Self {
        let shop = Self::new();
        shop.ok(&["build", "--items", "items.jsonl", "--text-model", "tiny", "--out", "index"]);
        shop
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.place.path().join(path)
    }

    pub fn file(&self, path: &str, bytes: &[u8]) {
        std::fs::write(self.at(path), bytes).unwrap();
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_palate"));
        let output = command.args(arguments).current_dir(self.place.path()).env("NO_COLOR", "1").output().unwrap();
        Ran::of(&output)
    }

    /// Runs what must succeed.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}\n{}{}", ran.out, ran.err);
        ran
    }

    /// Runs what must fail with exit code 1, an error that says all of `words`, and nothing on stdout.
    #[track_caller]
    pub fn fails(&self, arguments: &[&str], words: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 1, "{arguments:?}\n{}{}", ran.out, ran.err);
        assert!(ran.err.contains("error: "), "{}", ran.err);
        for word in words {
            assert!(ran.err.contains(word), "{word:?} is not in: {}", ran.err);
        }
        ran
    }

    /// Every file of a folder with its bytes.
    pub fn snapshot(&self, folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files: Vec<_> = std::fs::read_dir(self.at(folder)).into_iter().flatten().flatten().map(|e| e.path()).collect();
        files.sort();
        files.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
    }

    /// The one shard of the index.
    pub fn shard(&self) -> PathBuf {
        let is_shard = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("items-"));
        self.snapshot("index").into_iter().map(|(path, _)| path).find(|path| is_shard(path)).unwrap()
    }
}

/// What a command left behind.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Stdout as one JSON value a line, and nothing else.
    #[track_caller]
    pub fn json(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
    }
}

/// Keys of a JSON list of hits.
pub fn keys(answer: &Value) -> Vec<&str> {
    answer["hits"].as_array().unwrap().iter().map(|hit| hit["key"].as_str().unwrap()).collect()
}
