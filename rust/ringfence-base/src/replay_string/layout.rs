//! The form of `rf1`: a checksum, then fields of as many bits as they need.
//!
//! | field | bits |
//! |---|---|
//! | CRC-32 of all that follows | 32 |
//! | version of the model | Golomb, order 2 |
//! | switches of the profile | Golomb, order 0 |
//! | digest of the scenario's name | 16 |
//! | digest of its content | 24 |
//! | digest of the events | 24 |
//! | end: finished, hung, cut off | 2 |
//! | steps | Golomb, order 5 |
//! | course: except (0), round-robin (10), random (11) | 1 or 2 |
//! | except: how many deviations | Golomb, order 1 |
//! | random: seed | Golomb, order 8 |
//!
//! A deviation begins with what it is: an action of a context (0), a decision (10), an interrupt (110), time (111).
//! Then the steps since the deviation before, Golomb, order 2. Of an action, those strictly between: two are never of
//! one step. Then the context (order 1), or source and host of the interrupt (order 1 each); of a decision its number
//! (order 0), counted from behind the decision before if that is of the same step, its kind (4) and the choice, less
//! one (order 0).

use core::num::NonZeroU32;

use super::bits::{BitReader, BitWriter, Unreadable};
use super::{Course, Deviation, Deviations, Recorded, RecordedEnd, Taken};
use crate::scenario::Identity;
use crate::{Action, ChoiceKind, Digest};

/// Bytes of the checksum.
const CHECKSUM: usize = 4;

/// Every kind of decision by its number in `rf1`, which is for good: new ones come behind.
const KINDS: [ChoiceKind; 13] = [
    ChoiceKind::Allocation,
    ChoiceKind::Trylock,
    ChoiceKind::Interrupted,
    ChoiceKind::DeadlockInjection,
    ChoiceKind::WorkerCreation,
    ChoiceKind::PageFault,
    ChoiceKind::ForeignFence,
    ChoiceKind::Named,
    ChoiceKind::Reclaim,
    ChoiceKind::GpuHang,
    ChoiceKind::GpuIrq,
    ChoiceKind::GpuReset,
    ChoiceKind::GpuRing,
];

/// Why bytes are no recorded execution.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum BadBytes {
    /// The checksum is another.
    Checksum,
    /// The fields can't be read.
    Fields(BadFields),
}

/// Why fields can't be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum BadFields {
    /// They end too early.
    TooShort,
    /// They end, and there is more.
    TooLong,
    /// They mean nothing.
    Senseless,
}

impl From<Unreadable> for BadFields {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::TooShort => Self::TooShort,
            Unreadable::Senseless => Self::Senseless,
        }
    }
}

pub(super) fn to_bytes(recorded: &Recorded) -> Vec<u8> {
    let mut out = BitWriter::default();
    write(&mut out, recorded);
    let fields = out.into_bytes();
    let mut bytes = crc32fast::hash(&fields).to_be_bytes().to_vec();
    bytes.extend(fields);
    bytes
}

pub(super) fn from_bytes(bytes: &[u8]) -> Result<Recorded, BadBytes> {
    let fields = match bytes.split_first_chunk::<CHECKSUM>() {
        Some((sum, fields)) if crc32fast::hash(fields).to_be_bytes() == *sum => fields,
        _ => return Err(BadBytes::Checksum),
    };
    read(fields).map_err(BadBytes::Fields)
}

/// Whether the fields have the length that they say, where the checksum says that something is wrong.
pub(super) fn length(bytes: &[u8]) -> Result<(), BadFields> {
    let (_, fields) = bytes.split_first_chunk::<CHECKSUM>().ok_or(BadFields::TooShort)?;
    read(fields).map(drop)
}

fn write(out: &mut BitWriter, recorded: &Recorded) {
    let Recorded { model, profile, scenario, end, steps, events, course } = recorded;
    out.golomb(u64::from(*model), 2);
    out.golomb(u64::from(*profile), 0);
    out.bits(u64::from(scenario.name), 16);
    out.bits(u64::from(scenario.content.to_bits()), Digest::BITS);
    out.bits(u64::from(events.to_bits()), Digest::BITS);
    let end = match end {
        RecordedEnd::Finished => 0,
        RecordedEnd::Hung => 1,
        RecordedEnd::CutOff => 2,
    };
    out.bits(end, 2);
    out.golomb(*steps, 5);
    match course {
        Course::Except(deviations) => {
            out.bits(0, 1);
            write_deviations(out, deviations);
        }
        Course::RoundRobin => out.bits(0b10, 2),
        Course::Random(seed) => {
            out.bits(0b11, 2);
            out.golomb(*seed, 8);
        }
    }
}

fn read(fields: &[u8]) -> Result<Recorded, BadFields> {
    let input = &mut BitReader::new(fields);
    let model = narrow(input.golomb(2)?)?;
    let profile = narrow(input.golomb(0)?)?;
    let name = input.bits(16)? as u16;
    let content = Digest::from_bits(input.bits(Digest::BITS)? as u32);
    let events = Digest::from_bits(input.bits(Digest::BITS)? as u32);
    let end = match input.bits(2)? {
        0 => RecordedEnd::Finished,
        1 => RecordedEnd::Hung,
        2 => RecordedEnd::CutOff,
        _ => return Err(BadFields::Senseless),
    };
    let steps = input.golomb(5)?;
    let course = match (input.bits(1)?, steps) {
        (0, _) => Course::Except(read_deviations(input, steps)?),
        _ if input.bits(1)? == 0 => Course::RoundRobin,
        _ => Course::Random(input.golomb(8)?),
    };
    if !input.is_at_end() {
        return Err(BadFields::TooLong);
    }
    Ok(Recorded { model, profile, scenario: Identity { name, content }, end, steps, events, course })
}

fn narrow(value: u64) -> Result<u32, BadFields> {
    u32::try_from(value).map_err(|_| BadFields::Senseless)
}

/// Where the deviations have got to.
#[derive(Clone, Copy, Default)]
struct Position {
    /// The step of the latest one; none yet at first.
    step: Option<u64>,
    /// The first decision of that step which can come next.
    number: u32,
}

impl Position {
    /// The first step that can have an action next.
    fn next_action(self) -> Option<u64> {
        self.step.map_or(Some(0), |step| step.checked_add(1))
    }

    /// The first decision of this step that can come next.
    fn next_decision(self, step: u64) -> u32 {
        if self.step == Some(step) { self.number } else { 0 }
    }
}

const RUN: (u64, u32) = (0b0, 1);
const DECISION: (u64, u32) = (0b10, 2);
const INTERRUPT: (u64, u32) = (0b110, 3);
const EXPIRE: (u64, u32) = (0b111, 3);

/// Order of the steps between two deviations.
const GAP: u32 = 2;

fn write_deviations(out: &mut BitWriter, deviations: &Deviations) {
    out.golomb(deviations.len() as u64, 1);
    let mut position = Position::default();
    for &Deviation { step, taken } in deviations.as_slice() {
        let (sort, bits) = match taken {
            Taken::Action(Action::Run(_)) => RUN,
            Taken::Decision { .. } => DECISION,
            Taken::Action(Action::Interrupt { .. }) => INTERRUPT,
            Taken::Action(Action::Expire) => EXPIRE,
        };
        out.bits(sort, bits);
        match taken {
            Taken::Action(action) => {
                out.golomb(step - position.next_action().unwrap_or(step), GAP);
                write_action(out, action);
                position = Position { step: Some(step), number: 0 };
            }
            Taken::Decision { number, kind, choice } => {
                out.golomb(step - position.step.unwrap_or(0), GAP);
                out.golomb(u64::from(number - position.next_decision(step)), 0);
                out.bits(number_of(kind), 4);
                out.golomb(u64::from(choice.get() - 1), 0);
                position = Position { step: Some(step), number: number.saturating_add(1) };
            }
        }
    }
}

fn write_action(out: &mut BitWriter, action: Action) {
    match action {
        Action::Run(task) => out.golomb(u64::from(task), 1),
        Action::Interrupt { source, host } => {
            out.golomb(u64::from(source), 1);
            out.golomb(u64::from(host), 1);
        }
        Action::Expire => {}
    }
}

/// Its place in [`KINDS`].
fn number_of(kind: ChoiceKind) -> u64 {
    match kind {
        ChoiceKind::Allocation => 0,
        ChoiceKind::Trylock => 1,
        ChoiceKind::Interrupted => 2,
        ChoiceKind::DeadlockInjection => 3,
        ChoiceKind::WorkerCreation => 4,
        ChoiceKind::PageFault => 5,
        ChoiceKind::ForeignFence => 6,
        ChoiceKind::Named => 7,
        ChoiceKind::Reclaim => 8,
        ChoiceKind::GpuHang => 9,
        ChoiceKind::GpuIrq => 10,
        ChoiceKind::GpuReset => 11,
        ChoiceKind::GpuRing => 12,
    }
}

/// Nothing is set aside for as many as there should be: each one takes bits that are there, or they end.
fn read_deviations(input: &mut BitReader<'_>, steps: u64) -> Result<Deviations, BadFields> {
    let mut deviations = Deviations::default();
    let mut position = Position::default();
    for _ in 0..input.golomb(1)? {
        let deviation = read_deviation(input, position).ok_or(BadFields::Senseless)??;
        if deviation.step >= steps {
            return Err(BadFields::Senseless);
        }
        let number = match deviation.taken {
            Taken::Action(_) => 0,
            Taken::Decision { number, .. } => number.checked_add(1).ok_or(BadFields::Senseless)?,
        };
        position = Position { step: Some(deviation.step), number };
        deviations.push(deviation);
    }
    Ok(deviations)
}

/// None if a number gets too large.
fn read_deviation(input: &mut BitReader<'_>, position: Position) -> Option<Result<Deviation, BadFields>> {
    let read = |input: &mut BitReader<'_>| -> Result<Option<Deviation>, BadFields> {
        if input.bits(1)? == 0 {
            let gap = input.golomb(GAP)?;
            let action = Action::Run(narrow(input.golomb(1)?)?);
            return Ok(action_behind(position, gap, action));
        }
        if input.bits(1)? == 0 {
            return read_decision(input, position);
        }
        let expires = input.bits(1)? == 1;
        let gap = input.golomb(GAP)?;
        let action = if expires {
            Action::Expire
        } else {
            Action::Interrupt { source: narrow(input.golomb(1)?)?, host: narrow(input.golomb(1)?)? }
        };
        Ok(action_behind(position, gap, action))
    };
    read(input).transpose()
}

fn action_behind(position: Position, gap: u64, action: Action) -> Option<Deviation> {
    let step = position.next_action()?.checked_add(gap)?;
    Some(Deviation { step, taken: Taken::Action(action) })
}

fn read_decision(input: &mut BitReader<'_>, position: Position) -> Result<Option<Deviation>, BadFields> {
    let gap = input.golomb(GAP)?;
    let more = narrow(input.golomb(0)?)?;
    let kind = KINDS.get(input.bits(4)? as usize);
    let choice = narrow(input.golomb(0)?)?;
    let deviation = || {
        let step = position.step.unwrap_or(0).checked_add(gap)?;
        let number = position.next_decision(step).checked_add(more)?;
        let choice = NonZeroU32::MIN.checked_add(choice)?;
        Some(Deviation { step, taken: Taken::Decision { number, kind: *kind?, choice } })
    };
    Ok(deviation())
}

#[cfg(test)]
mod tests {
    use super::{KINDS, number_of};

    #[test]
    fn kinds_have_the_numbers_of_their_places() {
        for (place, &kind) in KINDS.iter().enumerate() {
            assert_eq!(number_of(kind), place as u64, "{kind:?}");
        }
    }
}
