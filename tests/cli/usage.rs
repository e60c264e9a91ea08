//! Wrong usage ends with exit code 2, failures with 1, and both say what to do.

use super::Shop;

#[test]
fn cli_wrong_usage_is_exit_code_two() {
    let shop = Shop::new();
    for arguments in [
        &[][..],
        &["bild"],
        &["build"],
        &["build", "--items", "items.jsonl"],
        &["search", "--index", "index"],
        &["search", "--index", "index", "--text", "x", "-k", "0"],
        &["recommend", "--index", "index", "--history", "h", "-k", "1001"],
        &["model"],
        &["model", "add", "x", "--dtype", "q99"],
        &["encode", "--model", "tiny"],
        &["build", "--items", "i", "--out", "o", "--no-model", "--model-at", "x"],
    ] {
        let ran = shop.run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.err);
        assert!(ran.out.is_empty() && (ran.err.contains("Usage") || ran.err.contains("--help")), "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn cli_help_of_every_subcommand_is_exit_code_zero() {
    let shop = Shop::new();
    for arguments in [&["--help"][..], &["model", "add", "--help"], &["encode", "--help"], &["build", "--help"], &["inspect", "--help"], &["search", "--help"], &["recommend", "--help"], &["--version"]] {
        let ran = shop.ok(arguments);
        assert!(ran.out.contains("palate") && ran.err.is_empty(), "{arguments:?}");
    }
}

#[test]
fn cli_names_what_is_missing() {
    let shop = Shop::open();
    shop.fails(&["build", "--items", "nothing.jsonl", "--text-model", "tiny", "--out", "o"], &["nothing.jsonl", "Check the path"]);
    shop.fails(&["build", "--items", "models", "--text-model", "tiny", "--out", "o"], &["models"]);
    shop.fails(&["build", "--items", "items.jsonl", "--text-model", "absent", "--out", "o"], &["absent", "palate model add"]);
    shop.fails(&["build", "--items", "items.jsonl", "--text-model", "index", "--out", "o"], &["is an index, expected a model pack"]);
    shop.fails(&["inspect", "models"], &["manifest.json", "palate build"]);
    shop.fails(&["model", "add", "absent"], &["absent"]);
    shop.fails(&["search", "--index", "absent", "--text", "x"], &["absent"]);
    shop.fails(&["recommend", "--index", "index", "--history", "absent"], &["absent"]);
    assert!(!shop.at("o").exists());
}
