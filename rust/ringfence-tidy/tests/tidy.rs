//! The shape of the source tree: which crate may know which, and what no file may contain.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::MetadataCommand;

/// Which workspace crates a crate may depend on, for any purpose (tests and build scripts too).
/// Pillars know no other pillar; the facade alone knows them all.
const LAYERS: &[(&str, &[&str])] = &[
    ("ringfence-base", &[]),
    ("ringfence-diag", &["ringfence-base"]),
    ("ringfence-lockdep", &["ringfence-base", "ringfence-diag"]),
    ("ringfence-reference", &["ringfence-base", "ringfence-diag", "ringfence-lockdep"]),
    ("ringfence-model", &["ringfence-base", "ringfence-diag"]),
    ("ringfence-explore", &["ringfence-base"]),
    (
        "ringfence",
        &["ringfence-base", "ringfence-diag", "ringfence-explore", "ringfence-lockdep", "ringfence-model"],
    ),
    ("ringfence-py", &["ringfence"]),
    (
        "ringfence-bench",
        &["ringfence-base", "ringfence-diag", "ringfence-explore", "ringfence-lockdep", "ringfence"],
    ),
    ("ringfence-tidy", &[]),
];

const MAX_LINES: usize = 700;
const MAX_COLUMNS: usize = 120;

/// Folders that hold what was built or fetched, for a tree without git.
const NOT_SOURCE: &[&str] = &["target", "dist", "__pycache__", "corpus", "artifacts", "coverage"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace root exists")
}

/// One complaint per edge that `LAYERS` does not list.
fn layer_problems(edges: &[(String, String)], members: &[String]) -> Vec<String> {
    let mut problems = Vec::new();
    for member in members {
        if !LAYERS.iter().any(|(name, _)| name == member) {
            problems.push(format!("{member}: no layer; add it to LAYERS"));
        }
    }
    for (from, to) in edges {
        let allowed = LAYERS.iter().find(|(name, _)| name == from).map_or(&[][..], |(_, allowed)| allowed);
        if !allowed.contains(&to.as_str()) {
            problems.push(format!("{from} must not depend on {to}"));
        }
    }
    problems
}

/// What git knows or would add; without git, every file outside hidden and built folders.
fn source_files(root: &Path) -> Vec<PathBuf> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .unwrap_or_default();
    let mut files: Vec<PathBuf> =
        listed.split('\0').filter(|path| !path.is_empty()).map(PathBuf::from).collect();
    // A tree inside somebody else's repository may be ignored there.
    if !files.iter().any(|path| path == Path::new("Cargo.toml")) {
        files.clear();
        walk(root, Path::new(""), &mut files);
    }
    files.retain(|path| root.join(path).is_file());
    files.sort();
    files.dedup();
    files
}

fn walk(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(root.join(folder)).expect("a source folder can be read") {
        let entry = entry.expect("a source folder can be read");
        let name = entry.file_name();
        let path = folder.join(&name);
        let kind = entry.file_type().expect("a file has a type");
        let name = name.to_string_lossy();
        if kind.is_dir() && !(name.starts_with('.') && name != ".ci") && !NOT_SOURCE.contains(&&*name) {
            walk(root, &path, files);
        } else if kind.is_file() {
            files.push(path);
        }
    }
}

/// Words that must not stay in a source file. Put together here, so that this file passes.
fn leftovers() -> [String; 5] {
    [
        ["to", "do!("].concat(),
        ["unimple", "mented!("].concat(),
        ["db", "g!("].concat(),
        ["#[ign", "ore"].concat(),
        ["break", "point()"].concat(),
    ]
}

/// Paths that exist on one machine only.
fn machine_paths() -> [String; 4] {
    [["/wo", "rk/"].concat(), ["../sha", "red"].concat(), ["/ro", "ot/."].concat(), ["/ho", "me/"].concat()]
}

/// Whether `text` has `path` as the beginning of a path, not as its middle (`drivers/…`).
fn names_path(text: &str, path: &str) -> bool {
    text.match_indices(path).any(|(at, _)| {
        !text[..at].ends_with(|before: char| before.is_alphanumeric() || "_-.}>)".contains(before))
    })
}

/// Every complaint about one file; `path` is relative to the root.
fn file_problems(path: &str, text: &str) -> Vec<String> {
    let extension = Path::new(path).extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let rust = extension == "rs";
    let python = matches!(extension, "py" | "pyi");
    let prose = matches!(extension, "md" | "toml" | "sh" | "yml" | "in") || path == "Makefile";
    let leftovers = leftovers();
    let machine_paths = machine_paths();
    let mut problems = Vec::new();

    for (number, line) in (1..).zip(text.lines()) {
        let mut complain = |what: &str| problems.push(format!("{path}:{number}: {what}"));
        if rust || python {
            if line.chars().count() > MAX_COLUMNS {
                complain(&format!("over {MAX_COLUMNS} columns"));
            }
            if line.contains('\t') {
                complain("tab");
            }
            for word in leftovers.iter().filter(|word| line.contains(word.as_str())) {
                complain(word);
            }
        }
        if (rust || python || prose) && line.ends_with([' ', '\t', '\r']) {
            complain("trailing whitespace");
        }
        for place in machine_paths.iter().filter(|place| names_path(line, place)) {
            complain(&format!("path of one machine: {place}"));
        }
    }

    let crate_source = path.starts_with("rust/") && path.split('/').nth(2) == Some("src");
    let lines = text.lines().count();
    // A stub describes one module, however much that exports.
    let package_source = extension == "py" && path.starts_with("python/");
    if ((rust && crate_source) || package_source) && lines > MAX_LINES {
        problems.push(format!("{path}: {lines} lines, over {MAX_LINES}: split it"));
    }
    if crate_source && path.ends_with("/src/lib.rs") && !text.starts_with("//!") {
        problems.push(format!("{path}: a crate starts with its `//!` documentation"));
    }
    if (rust || python || prose) && !text.is_empty() && !text.ends_with('\n') {
        problems.push(format!("{path}: no newline at the end"));
    }
    problems
}

fn report(problems: &[String]) -> String {
    problems.iter().fold(String::new(), |mut text, problem| {
        let _ = write!(text, "\n  {problem}");
        text
    })
}

#[test]
fn crates_depend_only_downwards() {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo metadata answers");
    let packages = metadata.workspace_packages();
    let members: Vec<String> = packages.iter().map(|package| package.name.to_string()).collect();
    let edges: Vec<(String, String)> = packages
        .iter()
        .flat_map(|package| {
            package.dependencies.iter().map(|edge| (package.name.to_string(), edge.name.clone()))
        })
        .filter(|(_, to)| members.contains(to))
        .collect();
    let problems = layer_problems(&edges, &members);
    assert!(problems.is_empty(), "{}", report(&problems));
    assert!(edges.contains(&("ringfence-py".to_owned(), "ringfence".to_owned())), "no edges were read");
}

#[test]
fn crate_name_is_folder_name() {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo metadata answers");
    for package in metadata.workspace_packages() {
        let folder = package.manifest_path.parent().expect("a manifest is in a folder");
        assert_eq!(folder.file_name(), Some(package.name.as_str()), "{folder}");
        assert_eq!(folder.parent().and_then(|parent| parent.file_name()), Some("rust"), "{folder}");
    }
}

#[test]
fn source_files_are_tidy() {
    let root = root();
    let files = source_files(&root);
    assert!(
        files.iter().any(|path| path == Path::new("rust/ringfence-tidy/tests/tidy.rs")),
        "the list of files lacks this one"
    );
    let mut problems = Vec::new();
    for path in &files {
        let bytes = fs::read(root.join(path)).expect("a source file can be read");
        if let Ok(text) = String::from_utf8(bytes) {
            problems.extend(file_problems(&path.to_string_lossy(), &text));
        }
    }
    assert!(problems.is_empty(), "{}", report(&problems));
}

#[test]
fn walking_finds_what_git_lists() {
    let root = root();
    let mut walked = Vec::new();
    walk(&root, Path::new(""), &mut walked);
    assert!(walked.contains(&PathBuf::from("rust/ringfence-tidy/tests/tidy.rs")));
    assert!(walked.contains(&PathBuf::from(".ci/run")));
    assert!(!walked.iter().any(|path| path.starts_with("target")));
}

#[test]
fn a_forbidden_edge_is_refused() {
    let edge = |from: &str, to: &str| vec![(from.to_owned(), to.to_owned())];
    assert_eq!(layer_problems(&edge("ringfence-diag", "ringfence-base"), &[]), Vec::<String>::new());
    for (from, to) in [
        ("ringfence-base", "ringfence-diag"),
        ("ringfence-diag", "ringfence-lockdep"),
        ("ringfence-lockdep", "ringfence"),
        ("ringfence", "ringfence-py"),
        ("ringfence-py", "ringfence-lockdep"),
        ("ringfence-new", "ringfence-base"),
    ] {
        assert_eq!(layer_problems(&edge(from, to), &[]), [format!("{from} must not depend on {to}")]);
    }
    assert_eq!(
        layer_problems(&[], &["ringfence-new".to_owned()]),
        ["ringfence-new: no layer; add it to LAYERS"]
    );
}

#[test]
fn an_untidy_file_is_refused() {
    let path = "rust/ringfence-base/src/ids.rs";
    assert_eq!(file_problems(path, "//! Fine.\n"), Vec::<String>::new());
    assert_eq!(file_problems(path, "a\tb\n"), [format!("{path}:1: tab")]);
    assert_eq!(file_problems(path, "a \n"), [format!("{path}:1: trailing whitespace")]);
    assert_eq!(file_problems(path, "a"), [format!("{path}: no newline at the end")]);
    let wide = format!("ok\n{}\n", "ä".repeat(MAX_COLUMNS + 1));
    assert_eq!(file_problems(path, &wide), [format!("{path}:2: over 120 columns")]);
    for word in leftovers() {
        assert_eq!(file_problems(path, &format!("x {word}\n")), [format!("{path}:1: {word}")]);
    }

    let long = "x\n".repeat(MAX_LINES + 1);
    assert_eq!(file_problems(path, &long), [format!("{path}: 701 lines, over 700: split it")]);
    assert_eq!(file_problems("python/ringfence/a.py", &long).len(), 1);
    assert_eq!(file_problems("tests/test_a.py", &long), Vec::<String>::new());

    let library = "rust/ringfence-base/src/lib.rs";
    assert_eq!(
        file_problems(library, "mod ids;\n"),
        [format!("{library}: a crate starts with its `//!` documentation")]
    );

    for place in machine_paths() {
        assert_eq!(
            file_problems("docs/a.md", &format!("see `{place}x`\n")),
            [format!("docs/a.md:1: path of one machine: {place}")]
        );
    }
    let inside = format!("drivers{}a.c\n", machine_paths()[0]);
    assert_eq!(file_problems("docs/a.md", &inside), Vec::<String>::new());
}
