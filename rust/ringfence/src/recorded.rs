//! Runs over recordings, one JSON line each: lines are read in order, worked on in parallel, and come back in order.

use std::sync::Arc;

use rayon::ThreadPool;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::input::{Input, LINE_BYTES_MAX, Line, Lines};

/// Text per batch, in bytes: enough to keep all cores busy, little enough to show progress and stop at
/// once.
const BATCH_BYTES: usize = 2 << 20;
/// Lines per batch.
const BATCH_LINES: usize = 4096;

/// What is done with each line.
pub trait Work: Sync {
    /// What comes of a line.
    type Outcome: Outcome;
    /// What is kept from line to line: memory, nothing that changes an outcome.
    type Scratch;
    /// What a line holds, in messages.
    const NOUN: &'static str;

    /// Threads; 0 for one per core.
    fn jobs(&self) -> usize;

    /// Made once per thread now and then.
    fn scratch(&self) -> Self::Scratch;

    /// Does it. `None`: nobody wants to know of this line.
    ///
    /// # Errors
    /// What is wrong with the line, and what was expected.
    fn line(
        &self,
        scratch: &mut Self::Scratch,
        at: &Position,
        text: &[u8],
    ) -> Result<Option<Self::Outcome>, String>;
}

/// What came of a line.
pub trait Outcome: Send {
    /// The recording's id, which no other one in its input may have.
    fn id(&self) -> &str;
}

/// A line of an input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Position {
    /// Its input.
    pub file: Arc<str>,
    /// Its line, from 1.
    pub line: u64,
}

impl Position {
    fn refused(&self, message: &str) -> Refused {
        Refused { file: Arc::clone(&self.file), line: Some(self.line), message: readable(message) }
    }
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
pub enum Item<T> {
    /// It was decided.
    Decided(Box<T>),
    /// It could not be used; the others are not affected.
    Refused(Refused),
}

/// Some outcomes in input order.
#[derive(Debug)]
pub struct Batch<T> {
    /// In input order.
    pub items: Vec<Item<T>>,
    /// Bytes of all inputs read so far, before decompression.
    pub bytes_done: u64,
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self { items: Vec::new(), bytes_done: 0 }
    }
}

/// A line on its way.
struct Job {
    at: Position,
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
pub struct Run<W> {
    work: W,
    inputs: std::vec::IntoIter<Input>,
    open: Option<Open>,
    bytes_before: u64,
    pool: ThreadPool,
}

impl<W: Work> Run<W> {
    /// A run over these inputs, one after the other.
    ///
    /// # Errors
    /// The threads can't be started.
    pub fn new(inputs: Vec<Input>, work: W) -> Result<Self, rayon::ThreadPoolBuildError> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(work.jobs()).build()?;
        Ok(Self { work, inputs: inputs.into_iter(), open: None, bytes_before: 0, pool })
    }

    /// The next outcomes; `None` at the end.
    pub fn next_batch(&mut self) -> Option<Batch<W::Outcome>> {
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
                    let noun = W::NOUN;
                    let message = format!("no {noun} in it; expected one JSON line per {noun}");
                    batch.items.push(Item::Refused(Refused { file, line: None, message }));
                    return Some(batch);
                }
                continue;
            }
            open.lines_seen = true;
            let work = &self.work;
            let items = self.pool.install(|| {
                jobs.into_par_iter()
                    .map_init(|| work.scratch(), |scratch, job| outcome(work, scratch, job))
                    .collect::<Vec<_>>()
            });
            let items = items.into_iter().flatten();
            batch.items.extend(items.map(|(at, item)| refuse_duplicate(&mut open.ids, &at, item)));
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
            jobs.push(Job { at: Position { file: Arc::clone(&open.file), line }, text });
        }
        jobs
    }
}

/// Without the number that Rust appends, which tells nobody anything.
fn os_message(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

fn outcome<W: Work>(work: &W, scratch: &mut W::Scratch, job: Job) -> Option<(Position, Item<W::Outcome>)> {
    let Job { at, text } = job;
    let message = match text {
        Line::Text(text) => match work.line(scratch, &at, &text) {
            Ok(outcome) => return outcome.map(|outcome| (at, Item::Decided(Box::new(outcome)))),
            Err(message) => message,
        },
        Line::TooLong => {
            let limit = LINE_BYTES_MAX >> 20;
            format!("the line is longer than {limit} MiB; expected one {} per line", W::NOUN)
        }
        Line::Broken(message) => message,
    };
    let refused = at.refused(&message);
    Some((at, Item::Refused(refused)))
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

fn refuse_duplicate<T: Outcome>(ids: &mut FxHashMap<String, u64>, at: &Position, item: Item<T>) -> Item<T> {
    let Item::Decided(outcome) = &item else { return item };
    let id = outcome.id();
    if let Some(first) = ids.get(id) {
        let message = format!("id `{id}` was used on line {first} already; expected a new one");
        return Item::Refused(at.refused(&message));
    }
    ids.insert(id.to_owned(), at.line);
    item
}
