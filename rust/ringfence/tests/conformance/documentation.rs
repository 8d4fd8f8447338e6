//! The traces in the description of the format say what it says of them.

use std::fs;
use std::path::PathBuf;

use ringfence::lockdep::{Decided, agrees};
use ringfence::validator::Search;

use crate::support::{RANDOM_READ, decide, lines};

#[test]
fn traces_of_the_format_agree() {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "..", "docs", "TRACES.md"].iter().collect();
    let page = fs::read_to_string(path).expect("the format is described");
    let traces: Vec<&str> = page
        .split("```json\n")
        .skip(1)
        .map(|block| block.split_once("\n```").expect("the block is closed").0)
        .collect();
    assert_eq!(traces.len(), 4);
    for Decided { id, expected, verdict, .. } in
        decide(lines(&traces.join("\n")), RANDOM_READ.options(Search::Kernel, 1))
    {
        let expected = expected.unwrap_or_else(|| panic!("{id}: no verdict"));
        assert!(agrees(&expected, verdict), "{id}: {expected:?}, ours {verdict:?}");
    }
}
