//! The recorded traces of the repository.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use lzma_rust2::XzReader;
use ringfence_lockdep::trace::{Trace, parse};

/// Where a recording is: a path from the top of the repository.
pub const RANDOM_READ: &str = "conformance/random-read.jsonl.xz";

/// The text of a recording; `None` if the file is not there.
///
/// # Panics
/// If the file is there but can't be unpacked.
pub fn text(recording: &str) -> Option<Vec<u8>> {
    let packed = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(recording)).ok()?;
    let mut text = Vec::new();
    XzReader::new(&packed[..], true).read_to_end(&mut text).expect("the recording can be unpacked");
    Some(text)
}

/// All traces of a text.
///
/// # Panics
/// If a line is not a trace.
pub fn traces(text: &[u8]) -> Vec<Trace> {
    lines(text).map(|line| parse(line).expect("a line of a recording is a trace")).collect()
}

/// The lines that are not empty.
pub fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}
