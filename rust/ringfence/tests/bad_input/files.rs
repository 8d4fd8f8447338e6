//! Files that can't be read.

use std::path::{Path, PathBuf};

use ringfence::input::Input;

use crate::outcomes;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn missing_file() {
    let file = path("there is no such file.jsonl");
    let message = format!("{}: can't be read: no such file or directory", file.display());
    assert_eq!(outcomes(Input::Path(file)), [message]);
}

#[test]
fn directory() {
    let folder = path("");
    let message = format!("{}: can't be read: is a directory", folder.display());
    assert_eq!(outcomes(Input::Path(folder)), [message]);
}

#[test]
fn file_as_directory() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml/x");
    let message = format!("{}: can't be read: not a directory", file.display());
    assert_eq!(outcomes(Input::Path(file)), [message]);
}

#[test]
fn not_a_trace_file() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let all = outcomes(Input::Path(file.clone()));
    assert_eq!(
        all[0],
        format!(r#"{}:1: not a JSON object; expected {{"id":…,"ops":[…]}} (column 1)"#, file.display())
    );
}
