//! Numbers with their names and units.

use crate::errno;
use crate::scenario::Kind;

/// Units of time in nanoseconds, largest first.
const UNITS: [(i64, &str); 3] = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")];

/// What a number means where it stands.
#[derive(Clone, Copy)]
pub(super) enum Meaning {
    /// A value of this kind.
    Of(Kind),
    /// What a call of the kernel returned: an errno, if it is negative.
    Returned,
    /// 1 or 0 as true or false.
    Truth,
    /// What a shrinker's scan returns: -1 is `SHRINK_STOP`.
    Scanned,
}

pub(super) fn number(value: i64, meaning: Meaning) -> String {
    match meaning {
        Meaning::Of(Kind::Errno) | Meaning::Returned if value < 0 => {
            errno::name(value).map_or_else(|| value.to_string(), |name| format!("-{name}"))
        }
        Meaning::Of(Kind::Usage) => usage(value).map_or_else(|| value.to_string(), str::to_owned),
        Meaning::Of(Kind::Nanos) => duration(value),
        Meaning::Truth if value == 0 => "false".to_owned(),
        Meaning::Truth if value == 1 => "true".to_owned(),
        Meaning::Scanned if value == -1 => "SHRINK_STOP".to_owned(),
        _ => value.to_string(),
    }
}

/// `10 ms`: in the largest unit that gives a whole number.
pub(super) fn duration(nanos: i64) -> String {
    match nanos {
        0 => "0".to_owned(),
        i64::MAX => "MAX_SCHEDULE_TIMEOUT".to_owned(),
        _ => {
            let unit = UNITS.iter().find(|(size, _)| nanos % size == 0);
            unit.map_or_else(|| format!("{nanos} ns"), |(size, unit)| format!("{} {unit}", nanos / size))
        }
    }
}

fn usage(value: i64) -> Option<&'static str> {
    let names =
        ["DMA_RESV_USAGE_KERNEL", "DMA_RESV_USAGE_WRITE", "DMA_RESV_USAGE_READ", "DMA_RESV_USAGE_BOOKKEEP"];
    usize::try_from(value).ok().and_then(|index| names.get(index).copied())
}
