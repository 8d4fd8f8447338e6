//! A run over inputs: lines are read in order, decided in parallel, and come back in order.

use std::sync::Arc;

use rayon::ThreadPool;
use rayon::prelude::*;
use ringfence_diag::LockFinding;
use ringfence_lockdep::annotations::Profile;
use ringfence_lockdep::trace::{Expected, Replay, Trace, parse};
use ringfence_lockdep::{AfterReport, Search, Verdict};
use rustc_hash::FxHashMap;

use crate::input::{Input, LINE_BYTES_MAX, Line, Lines};

/// Text per batch, in bytes: enough to keep all cores busy, little enough to show progress and stop at
/// once.
const BATCH_BYTES: usize = 2 << 20;
/// Lines per batch.
const BATCH_LINES: usize = 4096;

/// Which traces get findings in words besides their verdict.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Describe {
    /// None.
    Nothing,
    /// All.
    Everything,
    /// Those of this id; the others are not even decided.
    Only(String),
}

/// How traces are decided.
#[derive(Clone, PartialEq, Debug)]
pub struct Options {
    /// Which kernel.
    pub profile: Profile,
    /// Which searches.
    pub search: Search,
    /// Stop a trace at its first report or go on.
    pub after_report: AfterReport,
    /// What comes back in words.
    pub describe: Describe,
    /// Threads; 0 for one per core.
    pub jobs: usize,
}

/// A decided trace.
#[derive(Clone, Debug)]
pub struct Decided {
    /// Its input.
    pub file: Arc<str>,
    /// Its line, from 1.
    pub line: u64,
    /// Its id.
    pub id: String,
    /// What sort of trace it is.
    pub family: String,
    /// How many operations it has.
    pub ops: usize,
    /// What its recorder answered.
    pub expected: Option<Expected>,
    /// The first report.
    pub verdict: Option<Verdict>,
    /// In words, as asked for.
    pub findings: Vec<LockFinding>,
}

/// Something that could not be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// Its input.
    pub file: Arc<str>,
    /// Its line, from 1; `None` if the whole input is unusable.
    pub line: Option<u64>,
    /// What is wrong, and what was expected.
    pub message: String,
}

impl core::fmt::Display for Refused {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

/// One line's outcome.
#[derive(Clone, Debug)]
pub enum Item {
    /// It was decided.
    Decided(Box<Decided>),
    /// It could not be used; the others are not affected.
    Refused(Refused),
}

/// Some outcomes in input order.
#[derive(Debug, Default)]
pub struct Batch {
    /// In input order.
    pub items: Vec<Item>,
    /// Bytes of all inputs read so far, before decompression.
    pub bytes_done: u64,
}

/// A line on its way.
struct Job {
    file: Arc<str>,
    line: u64,
    text: Line,
}

/// The input being read.
struct Open {
    file: Arc<str>,
    lines: Lines,
    /// Somebody may still be writing it (a pipe, a terminal): what is there is decided without waiting for more.
    live: bool,
    /// Line of each id, to tell duplicates.
    ids: FxHashMap<String, u64>,
    lines_seen: bool,
}

/// A run. Ask for [`Run::next_batch`] until it says that there is none.
pub struct Run {
    options: Options,
    inputs: std::vec::IntoIter<Input>,
    open: Option<Open>,
    bytes_before: u64,
    pool: ThreadPool,
}

impl Run {
    /// A run over these inputs, one after the other.
    ///
    /// # Errors
    /// The threads can't be started.
    pub fn new(inputs: Vec<Input>, options: Options) -> Result<Self, rayon::ThreadPoolBuildError> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(options.jobs).build()?;
        Ok(Self { options, inputs: inputs.into_iter(), open: None, bytes_before: 0, pool })
    }

    /// The next outcomes; `None` at the end.
    pub fn next_batch(&mut self) -> Option<Batch> {
        let mut batch = Batch::default();
        loop {
            if self.open.is_none() {
                let input = self.inputs.next()?;
                if let Err(refused) = self.open_input(&input) {
                    batch.items.push(Item::Refused(refused));
                    return Some(batch);
                }
            }
            let jobs = self.read_jobs();
            let open = self.open.as_mut().expect("engine bug: the input was opened above");
            batch.bytes_done = self.bytes_before + open.lines.consumed();
            if jobs.is_empty() {
                self.bytes_before = batch.bytes_done;
                let seen = open.lines_seen;
                let file = Arc::clone(&open.file);
                self.open = None;
                if !seen {
                    let message = "no trace in it; expected one JSON line per trace".into();
                    batch.items.push(Item::Refused(Refused { file, line: None, message }));
                    return Some(batch);
                }
                continue;
            }
            open.lines_seen = true;
            let options = &self.options;
            let items = self.pool.install(|| {
                let replay = || Replay::new(options.profile, options.search, options.after_report);
                jobs.into_par_iter()
                    .map_init(replay, |replay, job| decide(replay, options, job))
                    .collect::<Vec<_>>()
            });
            let items = items.into_iter().flatten();
            batch.items.extend(items.map(|item| refuse_duplicate(&mut open.ids, item)));
            return Some(batch);
        }
    }

    fn open_input(&mut self, input: &Input) -> Result<(), Refused> {
        let file: Arc<str> = input.name().into();
        match Lines::open(input) {
            Ok(lines) => {
                let live = input.size().is_none();
                self.open = Some(Open { file, lines, live, ids: FxHashMap::default(), lines_seen: false });
                Ok(())
            }
            Err(error) => {
                let message = format!("can't be read: {}", os_message(&error));
                Err(Refused { file, line: None, message })
            }
        }
    }

    fn read_jobs(&mut self) -> Vec<Job> {
        let open = self.open.as_mut().expect("engine bug: no input is open");
        let mut jobs = Vec::new();
        let mut bytes = 0;
        while jobs.len() < BATCH_LINES && bytes < BATCH_BYTES {
            if open.live && !jobs.is_empty() && !open.lines.is_ready() {
                break;
            }
            let Some((line, text)) = open.lines.next() else { break };
            if let Line::Text(text) = &text {
                bytes += text.len();
            }
            jobs.push(Job { file: Arc::clone(&open.file), line, text });
        }
        jobs
    }
}

/// Without the number that Rust appends, which tells nobody anything.
fn os_message(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

fn decide(replay: &mut Replay, options: &Options, job: Job) -> Option<Item> {
    let Job { file, line, text } = job;
    let refused = |message: String| {
        let message = readable(&message);
        Some(Item::Refused(Refused { file: Arc::clone(&file), line: Some(line), message }))
    };
    let text = match text {
        Line::Text(text) => text,
        Line::TooLong => {
            let limit = LINE_BYTES_MAX >> 20;
            return refused(format!("the line is longer than {limit} MiB; expected one trace per line"));
        }
        Line::Broken(message) => return refused(message),
    };
    let trace = match parse(&text) {
        Ok(trace) => trace,
        Err(error) => return refused(error.to_string()),
    };
    if matches!(&options.describe, Describe::Only(id) if *id != trace.id) {
        return None;
    }
    let verdict = match replay.run(&trace) {
        Ok(verdict) => verdict,
        Err(error) => return refused(error.to_string()),
    };
    let findings = if options.describe == Describe::Nothing { Vec::new() } else { replay.findings() };
    let ops = trace.ops.len();
    let Trace { id, family, expected, .. } = trace;
    Some(Item::Decided(Box::new(Decided { file, line, id, family, ops, expected, verdict, findings })))
}

/// Longest message, in characters: it may quote the input, which may be anything.
const MESSAGE_CHARS_MAX: usize = 600;

/// The message on one line, with control characters spelled out, and cut in the middle where it is too long:
/// what was expected is at its end.
fn readable(message: &str) -> String {
    let spelled: Vec<char> = message
        .chars()
        .flat_map(|char| {
            let control = char.is_control();
            char.escape_default().filter(move |_| control).chain((!control).then_some(char))
        })
        .collect();
    if spelled.len() <= MESSAGE_CHARS_MAX {
        return spelled.into_iter().collect();
    }
    let half = MESSAGE_CHARS_MAX / 2;
    spelled[..half].iter().chain(&['…']).chain(&spelled[spelled.len() - half..]).collect()
}

fn refuse_duplicate(ids: &mut FxHashMap<String, u64>, item: Item) -> Item {
    let Item::Decided(decided) = &item else { return item };
    if let Some(first) = ids.get(&decided.id) {
        let message = format!("id `{}` was used on line {first} already; expected a new one", decided.id);
        return Item::Refused(Refused { file: Arc::clone(&decided.file), line: Some(decided.line), message });
    }
    ids.insert(decided.id.clone(), decided.line);
    item
}
