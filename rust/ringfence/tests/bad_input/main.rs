//! What can't be used is refused with its place and what was expected, and never takes anything else with it.

mod bytes;
mod files;
mod lines;
mod packed;

use ringfence::input::Input;
use ringfence::lockdep::{Batch, Describe, Item, Options, Run, verdict_json};
use ringfence::validator::annotations::Profile;
use ringfence::validator::{AfterReport, Search};

/// Two traces that are fine, to be put around what isn't.
const FIRST: &str = r#"{"id":"first","ops":[["acquire","M0"],["acquire","M0'"]]}"#;
const LAST: &str = r#"{"id":"last","ops":[]}"#;
const FIRST_AT_1: &str = r#"1: first {"at":1,"kind":"recursive"}"#;

fn outcomes(input: Input) -> Vec<String> {
    let options = Options {
        profile: Profile::V6_12,
        search: Search::Kernel,
        after_report: AfterReport::Stop,
        describe: Describe::Nothing,
        jobs: 1,
    };
    let mut run = Run::new(vec![input], options).expect("a thread can be started");
    let mut all = Vec::new();
    while let Some(Batch { items, .. }) = run.next_batch() {
        all.extend(items.into_iter().map(|item| match item {
            Item::Decided(it) => format!("{}: {} {}", it.line, it.id, verdict_json(it.verdict)),
            Item::Refused(refused) => refused.to_string(),
        }));
    }
    all
}

/// What a run says about a file with these contents, called `f`.
fn run(data: impl AsRef<[u8]>) -> Vec<String> {
    outcomes(Input::Bytes { name: "f".into(), data: data.as_ref().into() })
}
