//! The tree against the house rules: which room may import which, what may be named where, how files look.
//!
//! Each test lists every violation it finds. If a better rule turns up, change the code, this file and `src/lib.rs` in
//! one commit.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The storey of each room; a room imports only from lower ones.
const STOREYS: [(&str, u32); 18] = [
    ("error", 0),
    ("math", 1),
    ("format", 2),
    ("preprocess", 2),
    ("platform", 2),
    ("compute", 3),
    ("index", 3),
    ("history", 3),
    ("models", 4),
    ("fuse", 4),
    ("rank", 4),
    ("encode", 5),
    ("evaluate", 5),
    ("engine", 6),
    ("train", 6),
    ("publish", 7),
    ("bindings", 8),
    ("lib", 9),
];
/// Longest source file and longest shader, in lines.
const LONGEST: usize = 400;
const LONGEST_SHADER: usize = 150;
/// Everything that may stand at the top, besides dot-files.
const TOP: [&str; 11] =
    ["Cargo.toml", "Cargo.lock", "src", "www", "models", "tests", "package.json", "package-lock.json", "README.md", "LICENSE", "CHANGELOG.md"];
/// What licenses are allowed to be called besides: the texts of the two that apply.
const LICENSES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];
/// What git ignores at the top.
const IGNORED: [&str; 3] = ["target", "node_modules", "dist"];
/// Names that say nothing.
const EMPTY_NAMES: [&str; 6] = ["utils", "util", "common", "helpers", "misc", "manager"];

/// One source file: its path from the project's root with `/`, its text, and its code without comments and texts.
struct Source {
    path: String,
    text: String,
    code: String,
}

impl Source {
    /// The room of a file of the library.
    fn room(&self) -> &str {
        let inner = self.path.strip_prefix("src/").unwrap_or(&self.path);
        inner.split('/').next().unwrap_or(inner).trim_end_matches(".rs")
    }

    fn is_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path == *place || self.path.starts_with(&format!("{}/", place.trim_end_matches('/'))))
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            if !matches!(name.as_str(), "target" | "node_modules" | "pkg" | "pack" | "demo") && !name.starts_with('.') {
                walk(&path, found);
            }
        } else {
            found.push(path);
        }
    }
}

/// All files below a folder that end so.
fn sources(folder: &str, ending: &str) -> Vec<Source> {
    let mut paths = Vec::new();
    walk(&root().join(folder), &mut paths);
    paths.sort();
    let ours = paths.into_iter().filter(|path| path.to_string_lossy().ends_with(ending));
    ours.map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        let path = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
        Source { code: code_of(&text), path, text }
    })
    .collect()
}

/// The library: everything in `src` but the command line.
fn library() -> Vec<Source> {
    sources("src", ".rs").into_iter().filter(|s| !s.path.starts_with("src/bin/")).collect()
}

/// Rust code with comments and the insides of texts blanked, line by line as before.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = rest.next() {
        match c {
            '/' if rest.peek() == Some(&'/') => {
                while rest.peek().is_some_and(|&c| c != '\n') {
                    rest.next();
                }
            }
            // A raw text `r"` or `r#"` ends at the quote with as many marks.
            'r' if !before.is_alphanumeric() && before != '_' && matches!(rest.peek(), Some('"' | '#')) => {
                let mut marks = 0;
                while rest.peek() == Some(&'#') {
                    rest.next();
                    marks += 1;
                }
                if rest.peek() != Some(&'"') {
                    code.push_str("r#");
                    before = '#';
                    continue;
                }
                rest.next();
                let mut seen: Option<usize> = None;
                for inside in rest.by_ref() {
                    seen = match (inside, seen) {
                        ('"', _) => Some(0),
                        ('#', Some(n)) => Some(n + 1),
                        _ => None,
                    };
                    if inside == '\n' {
                        code.push('\n');
                    }
                    if seen == Some(marks) {
                        break;
                    }
                }
                code.push_str("\"\"");
            }
            '"' => {
                let mut escaped = false;
                for inside in rest.by_ref() {
                    if inside == '\n' {
                        code.push('\n');
                    }
                    if inside == '"' && !escaped {
                        break;
                    }
                    escaped = inside == '\\' && !escaped;
                }
                code.push_str("\"\"");
            }
            // A quote or a backslash as a character; lifetimes stay as they are.
            '\'' if matches!(rest.peek(), Some('"' | '\\')) => {
                let escaped = rest.next() == Some('\\');
                if escaped {
                    rest.next();
                }
                while rest.next_if(|&c| c != '\'').is_some() {}
                rest.next();
                code.push_str("' '");
            }
            other => code.push(other),
        }
        before = c;
    }
    code
}

/// Every place in `files` where one of `words` stands in the code, as `path:line: word`.
fn places(files: &[Source], words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        for (at, line) in file.code.lines().enumerate() {
            found.extend(words.iter().filter(|word| stands(line, word)).map(|word| format!("{}:{}: {word}", file.path, at + 1)));
        }
    }
    found
}

/// Whether a word stands in a line and is not the end of a longer name.
fn stands(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

#[track_caller]
fn none(violations: Vec<String>, rule: &str) {
    assert!(violations.is_empty(), "{rule}\n  {}", violations.join("\n  "));
}

#[test]
fn architecture_reader_of_code_blanks_comments_and_texts() {
    let code = code_of("let a = \"unwrap()\"; // panic!\nlet b = r#\"x\"y\"#; '\"'; fn f<'a>() {} /// dbg!\nlet c = '\\''; unwrap()");
    assert_eq!(code, "let a = \"\"; \nlet b = \"\"; ' '; fn f<'a>() {} \nlet c = ' '; unwrap()");
    assert!(stands("x.unwrap()", "unwrap()") && !stands("eprintln!()", "println!"));
}

#[test]
fn architecture_rooms_import_only_from_lower_storeys() {
    let storeys: BTreeMap<&str, u32> = STOREYS.into();
    let mut violations = Vec::new();
    for file in library() {
        let room = file.room().to_string();
        let Some(own) = storeys.get(room.as_str()) else {
            violations.push(format!("{}: the room {room} has no storey", file.path));
            continue;
        };
        for (at, line) in file.code.lines().enumerate() {
            for (start, _) in line.match_indices("crate::") {
                let named: String = line[start + 7..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                // `crate::{Error, Result}` and macros have no room of their own.
                let Some(other) = storeys.get(named.as_str()) else { continue };
                if named != room && other >= own {
                    violations.push(format!("{}:{}: {room} (storey {own}) imports {named} ({other})", file.path, at + 1));
                }
            }
        }
    }
    none(violations, "A room imports only from lower storeys, never sideways.");
}

#[test]
fn architecture_outside_world_is_named_at_its_doors_only() {
    let rules: [(&[&str], &[&str], &str); 5] = [
        (&["wgpu::", "wgpu"], &["src/compute/webgpu"], "wgpu is named only in compute/webgpu."),
        (&["web_sys"], &["src/platform/web", "src/bindings"], "web_sys is named only in platform/web and bindings."),
        (
            &["wasm_bindgen", "js_sys", "JsValue", "wasm_bindgen_futures"],
            &["src/platform/web", "src/bindings"],
            "The page is named only in bindings and platform/web.",
        ),
        (&["std::fs", "File::open", "File::create"], &["src/platform/native"], "Files are opened only in platform/native and bin."),
        (
            &["std::net", "std::env", "std::process", "SystemTime", "Instant::now", "thread_rng", "OsRng"],
            &["src/platform/native", "src/engine", "src/train", "src/publish", "src/bindings"],
            "Below storey 6 nothing reads a clock, a socket, the environment or the system's chance.",
        ),
    ];
    for (words, doors, rule) in rules {
        let inside: Vec<Source> = library().into_iter().filter(|file| !file.is_in(doors)).collect();
        // The temporary names of files carry the process; nothing is read from it.
        none(places(&inside, words), rule);
    }
}

#[test]
fn architecture_machines_are_told_apart_at_the_doors_only() {
    let doors = ["src/lib.rs", "src/math/simd", "src/compute", "src/platform/mod.rs", "src/bindings"];
    let inside: Vec<Source> = library().into_iter().filter(|file| !file.is_in(&doors)).collect();
    none(places(&inside, &["target_arch", "target_feature", "std::arch", "core::arch"]), "cfg(target_arch) and intrinsics stand only at the doors.");
}

#[test]
fn architecture_library_neither_prints_nor_panics_on_data() {
    let words = ["unwrap()", "expect(\"\")", "panic!", "todo!", "unimplemented!", "println!", "print!", "eprintln!", "dbg!", "#[cfg(test)]", "anyhow"];
    let mut found = places(&library(), &words);
    for file in library() {
        let attributes = file.code.lines().enumerate().filter(|(_, line)| line.contains("[allow("));
        found.extend(attributes.map(|(at, _)| format!("{}:{}: allow, write #[expect(lint, reason = \"...\")]", file.path, at + 1)));
    }
    none(found, "The library returns errors; tests stand in tests/.");
}

#[test]
fn architecture_shapes_on_disk_are_written_at_the_edges() {
    let edges = ["src/format", "src/bindings", "src/publish"];
    let inside: Vec<Source> = library().into_iter().filter(|file| !file.is_in(&edges)).collect();
    none(places(&inside, &["Serialize"]), "Inner types are not Serialize.");
}

#[test]
fn architecture_files_say_what_lives_there() {
    let mut violations = Vec::new();
    for file in sources("src", ".rs").iter().chain(&sources("tests", ".rs")) {
        let first = file.text.lines().next().unwrap_or_default();
        let said = first.strip_prefix("//! ").unwrap_or_default();
        if said.len() < 12 || said.contains("to be written") {
            violations.push(format!("{}: starts with {first:?}", file.path));
        }
    }
    none(violations, "The first line of each file is `//!` and a sentence that says what lives there.");
}

#[test]
fn architecture_files_are_short() {
    let mut violations = Vec::new();
    for (ending, most) in [(".rs", LONGEST), (".wgsl", LONGEST_SHADER)] {
        for file in sources("src", ending) {
            let lines = file.text.lines().count();
            if lines > most {
                violations.push(format!("{}: {lines} lines, at most {most}", file.path));
            }
        }
    }
    none(violations, "A file is read in one sitting.");
}

#[test]
fn architecture_names_say_something() {
    let mut paths = Vec::new();
    for folder in ["src", "tests", "www"] {
        walk(&root().join(folder), &mut paths);
    }
    let empty = |path: &Path| {
        let inner = path.strip_prefix(root()).unwrap_or(path);
        inner.iter().any(|part| EMPTY_NAMES.contains(&part.to_string_lossy().split('.').next().unwrap_or_default()))
    };
    none(paths.iter().filter(|path| empty(path)).map(|path| path.display().to_string()).collect(), "No file or folder is called utils, common or the like.");
}

#[test]
fn architecture_top_level_is_fixed() {
    let entries = fs::read_dir(root()).unwrap().flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let strange = |name: &String| {
        let name = name.as_str();
        !name.starts_with('.') && !name.ends_with(".tgz") && !TOP.contains(&name) && !LICENSES.contains(&name) && !IGNORED.contains(&name) && !name.starts_with("target")
    };
    none(entries.filter(strange).collect(), "The top level is fixed.");
}

#[test]
fn architecture_unsafe_blocks_say_why_they_are_sound() {
    let mut violations = Vec::new();
    for file in library() {
        // Whole files of kernels say it once, in a `# Safety` section of their trait or functions.
        if file.is_in(&["src/math/simd", "src/compute/cpu"]) {
            continue;
        }
        let lines: Vec<&str> = file.text.lines().collect();
        for (at, line) in file.code.lines().enumerate() {
            let above = lines[at.saturating_sub(3)..=at].iter().any(|l| l.contains("// SAFETY:"));
            if stands(line, "unsafe {") && !above {
                violations.push(format!("{}:{}", file.path, at + 1));
            }
        }
    }
    none(violations, "Above each unsafe block stands `// SAFETY:` and why it is sound.");
}

#[test]
fn architecture_nothing_names_the_workplace() {
    let mut violations = Vec::new();
    for folder in ["src", "tests", "www", "models"] {
        for ending in [".rs", ".js", ".mjs", ".ts", ".json", ".html", ".css", ".py", ".md", ".wgsl"] {
            for file in sources(folder, ending) {
                // Spelled in parts, so that this file does not name them either.
                let places = [["/wo", "rk/"].concat(), ["/ro", "ot/"].concat(), ["/ho", "me/"].concat()];
                for (at, line) in file.text.lines().enumerate() {
                    violations.extend(places.iter().filter(|p| line.contains(p.as_str())).map(|p| format!("{}:{}: {p}", file.path, at + 1)));
                }
            }
        }
    }
    none(violations, "No path of one machine is written down.");
}

#[test]
fn architecture_every_native_test_is_listed() {
    let list = fs::read_to_string(root().join("tests/native.rs")).unwrap();
    let mut forgotten = Vec::new();
    for entry in fs::read_dir(root().join("tests")).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().join("mod.rs").exists() {
            if !list.contains(&format!("\nmod {name};")) {
                forgotten.push(format!("tests/{name} is not in tests/native.rs"));
            }
            let contents = fs::read_to_string(entry.path().join("mod.rs")).unwrap();
            let files = fs::read_dir(entry.path()).unwrap().flatten().map(|e| e.file_name().to_string_lossy().into_owned());
            let stems = files.filter_map(|file| file.strip_suffix(".rs").map(String::from)).filter(|stem| stem != "mod");
            forgotten.extend(stems.filter(|stem| !contents.contains(&format!("mod {stem};"))).map(|stem| format!("tests/{name}/{stem}.rs is not in its mod.rs")));
        }
    }
    none(forgotten, "A test that no list names never runs.");
}
