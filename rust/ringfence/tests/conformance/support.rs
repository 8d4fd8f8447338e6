//! Recordings, and runs over them.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use lzma_rust2::XzReader;
use ringfence::input::Input;
use ringfence::lockdep::{Batch, Decided, Describe, Item, Options, Run};
use ringfence::validator::annotations::Profile;
use ringfence::validator::{AfterReport, Search};

/// A file of traces with the verdicts of a real kernel.
pub(crate) struct Recording {
    pub(crate) file: &'static str,
    /// The profile, and what is switched in it.
    profile: (&'static str, Option<&'static str>),
    pub(crate) traces: usize,
}

pub(crate) const RANDOM_READ: Recording =
    Recording { file: "random-read.jsonl.xz", profile: ("6.12", None), traces: 23_998 };
pub(crate) const RANDOM_READ_TRYLOCK: Recording =
    Recording { file: "random-read-trylock.jsonl.xz", profile: ("next", None), traces: 5_000 };
pub(crate) const RANDOM_NO_MMU_NOTIFIER: Recording = Recording {
    file: "random-no-mmu-notifier.jsonl.xz",
    profile: ("6.12", Some("mmu_notifier=off")),
    traces: 5_000,
};
pub(crate) const SELFTESTS: Recording =
    Recording { file: "selftests.jsonl.xz", profile: ("6.12", None), traces: 391 };

pub(crate) const RECORDINGS: [Recording; 4] =
    [RANDOM_READ, RANDOM_READ_TRYLOCK, RANDOM_NO_MMU_NOTIFIER, SELFTESTS];

impl Recording {
    pub(crate) fn profile(&self) -> Profile {
        let (name, switch) = self.profile;
        let mut profile = Profile::named(name).expect("the profile exists");
        if let Some(assignment) = switch {
            profile.assign(assignment).expect("the switch exists");
        }
        profile
    }

    pub(crate) fn input(&self) -> Input {
        Input::Path(path(self.file))
    }

    /// Unpacked.
    pub(crate) fn text(&self) -> String {
        unpacked(self.file)
    }

    /// Everything up to the first report.
    pub(crate) fn options(&self, search: Search, jobs: usize) -> Options {
        Options {
            profile: self.profile(),
            search,
            after_report: AfterReport::Stop,
            describe: Describe::Nothing,
            jobs,
        }
    }
}

fn path(file: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "..", "conformance", file].iter().collect()
}

/// The text of a recording.
pub(crate) fn unpacked(file: &str) -> String {
    let packed = File::open(path(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut text = String::new();
    XzReader::new(packed, true).read_to_string(&mut text).expect("the recording is whole");
    text
}

/// All lines of an input, each of which must be a trace.
pub(crate) fn decide(input: Input, options: Options) -> Vec<Decided> {
    let mut run = Run::new(vec![input], options).expect("the threads can be started");
    let mut all = Vec::new();
    while let Some(Batch { items, .. }) = run.next_batch() {
        all.extend(items.into_iter().map(|item| match item {
            Item::Decided(decided) => *decided,
            Item::Refused(refused) => panic!("{refused}"),
        }));
    }
    all
}

/// One trace per line.
pub(crate) fn lines(text: &str) -> Input {
    Input::Bytes { name: "lines".into(), data: text.as_bytes().into() }
}
