//! What a run over recordings does with each line.

use std::sync::Arc;

use super::{Difference, RecordingError, Replayed, answer_line, replay_line};
use crate::recorded::{self, Outcome, Position, Work};

/// How recordings are replayed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// What they say that the kernel did is compared with what the model does.
    pub compare: bool,
    /// They come back as JSON, with what the model did.
    pub answer: bool,
    /// Threads; 0 for one per core.
    pub jobs: usize,
}

/// A replayed recording.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decided {
    /// Its input.
    pub file: Arc<str>,
    /// Its line, from 1.
    pub line: u64,
    /// Its id.
    pub id: String,
    /// What sort of recording it is.
    pub family: String,
    /// How many operations were replayed.
    pub steps: usize,
    /// The recording says what the kernel did, and was compared.
    pub recorded: bool,
    /// Where the model first did something else.
    pub difference: Option<Difference>,
    /// The recording with what the model did, if asked for.
    pub answer: Option<String>,
}

/// A run over recordings.
pub type Run = recorded::Run<Options>;
/// Some outcomes in input order.
pub type Batch = recorded::Batch<Decided>;
/// One line's outcome.
pub type Item = recorded::Item<Decided>;

impl Outcome for Decided {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Work for Options {
    type Outcome = Decided;
    type Scratch = ();
    const NOUN: &'static str = "recording";

    fn jobs(&self) -> usize {
        self.jobs
    }

    fn scratch(&self) {}

    fn line(&self, (): &mut (), at: &Position, text: &[u8]) -> Result<Option<Decided>, String> {
        let line = core::str::from_utf8(text)
            .map_err(|error| format!("not UTF-8 from byte {} on; expected JSON", error.valid_up_to()))?;
        let (replayed, answer) = self.replay(line).map_err(|error| error.to_string())?;
        let Position { file, line } = at.clone();
        let Replayed { id, family, steps, recorded, difference, .. } = replayed;
        Ok(Some(Decided { file, line, id, family, steps, recorded, difference, answer }))
    }
}

impl Options {
    fn replay(self, line: &str) -> Result<(Replayed, Option<String>), RecordingError> {
        if !self.answer {
            return replay_line(line).map(|replayed| (replayed, None));
        }
        let (answered, answer) = answer_line(line)?;
        let replayed = if self.compare { replay_line(line)? } else { answered };
        Ok((replayed, Some(answer)))
    }
}
