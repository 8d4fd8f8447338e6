//! gfp masks, as far as reclaim looks at them (`include/linux/gfp_types.h`).

use core::fmt;

use thiserror::Error;

use crate::shown::shown;

/// An allocation's gfp mask: what it may do to get memory.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Gfp(u32);

/// A word in a gfp mask that Linux does not know.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error(
    "unknown gfp flag `{}`; expected names such as GFP_KERNEL, GFP_NOFS, GFP_NOIO, GFP_ATOMIC, GFP_NOWAIT or \
     __GFP_NOLOCKDEP, joined by `|`, a flag to take away written as `&~__GFP_FS`",
    shown(.0)
)]
pub struct UnknownGfp(String);

macro_rules! gfp {
    ($($(#[$doc:meta])* $name:ident = $text:literal $value:expr;)*) => {
        impl Gfp {
            $($(#[$doc])* pub const $name: Self = Self($value);)*

            /// Name and value of each mask, composite ones first.
            const NAMES: &[(&str, Self)] = &[$(($text, Self::$name)),*];
        }
    };
}

gfp! {
    /// May do everything, the file system included.
    KERNEL = "GFP_KERNEL" Self::RECLAIM.0 | Self::IO.0 | Self::FS.0;
    /// May do I/O but not enter file systems.
    NOFS = "GFP_NOFS" Self::RECLAIM.0 | Self::IO.0;
    /// May reclaim but start no I/O.
    NOIO = "GFP_NOIO" Self::RECLAIM.0;
    /// Never sleeps, may use the reserves; may fail.
    ATOMIC = "GFP_ATOMIC" Self::HIGH.0 | Self::KSWAPD_RECLAIM.0;
    /// Never sleeps; may fail.
    NOWAIT = "GFP_NOWAIT" Self::KSWAPD_RECLAIM.0 | Self::NOWARN.0;
    /// As `GFP_KERNEL`, charged to the task's memory cgroup.
    KERNEL_ACCOUNT = "GFP_KERNEL_ACCOUNT" Self::KERNEL.0 | Self::ACCOUNT.0;
    /// As `GFP_KERNEL`, for user space, with cpuset policy.
    USER = "GFP_USER" Self::KERNEL.0 | Self::HARDWALL.0;
    /// As `GFP_USER`, from high memory too.
    HIGHUSER = "GFP_HIGHUSER" Self::USER.0 | Self::HIGHMEM.0;
    /// Both ways of reclaim.
    RECLAIM = "__GFP_RECLAIM" Self::DIRECT_RECLAIM.0 | Self::KSWAPD_RECLAIM.0;
    /// The caller may reclaim and therefore sleep.
    DIRECT_RECLAIM = "__GFP_DIRECT_RECLAIM" 1;
    /// kswapd may be woken.
    KSWAPD_RECLAIM = "__GFP_KSWAPD_RECLAIM" 1 << 1;
    /// May start I/O.
    IO = "__GFP_IO" 1 << 2;
    /// May call into file systems.
    FS = "__GFP_FS" 1 << 3;
    /// May use the reserves.
    HIGH = "__GFP_HIGH" 1 << 4;
    /// Not to be looked at by lockdep.
    NOLOCKDEP = "__GFP_NOLOCKDEP" 1 << 5;
    /// No warning on failure.
    NOWARN = "__GFP_NOWARN" 1 << 6;
    /// Gives up early.
    NORETRY = "__GFP_NORETRY" 1 << 7;
    /// Tries hard, may fail.
    RETRY_MAYFAIL = "__GFP_RETRY_MAYFAIL" 1 << 8;
    /// Never fails.
    NOFAIL = "__GFP_NOFAIL" 1 << 9;
    /// Zeroed memory.
    ZERO = "__GFP_ZERO" 1 << 10;
    /// Compound page.
    COMP = "__GFP_COMP" 1 << 11;
    /// May use all memory.
    MEMALLOC = "__GFP_MEMALLOC" 1 << 12;
    /// May not use the reserves.
    NOMEMALLOC = "__GFP_NOMEMALLOC" 1 << 13;
    /// Charged to the memory cgroup.
    ACCOUNT = "__GFP_ACCOUNT" 1 << 14;
    /// Obeys the cpuset.
    HARDWALL = "__GFP_HARDWALL" 1 << 15;
    /// From high memory.
    HIGHMEM = "__GFP_HIGHMEM" 1 << 16;
    /// From the DMA zone.
    DMA = "__GFP_DMA" 1 << 17;
    /// From the lower 4 GiB.
    DMA32 = "__GFP_DMA32" 1 << 18;
}

impl Gfp {
    /// Reads `GFP_KERNEL|__GFP_NOLOCKDEP` and the like; `&~NAME` takes a flag away, `0` is the empty mask.
    ///
    /// # Errors
    /// [`UnknownGfp`] with the word that is none.
    pub fn parse(text: &str) -> Result<Self, UnknownGfp> {
        let mut mask = Self::default();
        if text.trim() == "0" {
            return Ok(mask);
        }
        for word in text.split('|') {
            for (index, word) in word.split('&').map(str::trim).enumerate() {
                let (name, take_away) = match word.strip_prefix('~') {
                    Some(name) => (name.trim(), true),
                    None => (word, false),
                };
                let value = Self::NAMES.iter().find(|(known, _)| *known == name);
                let (_, value) =
                    value.filter(|_| take_away == (index > 0)).ok_or_else(|| UnknownGfp(word.into()))?;
                mask = if take_away { mask.without(*value) } else { Self(mask.0 | value.0) };
            }
        }
        Ok(mask)
    }

    /// The mask as a number, and back. The bits are not those of any kernel.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The mask with these bits.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// All flags of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The mask with these flags cleared.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl fmt::Display for Gfp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = *self;
        let mut bar = "";
        for (name, value) in Self::NAMES {
            if rest.0 != 0 && rest.contains(*value) && value.0 != 0 {
                write!(f, "{bar}{name}")?;
                bar = "|";
                rest = rest.without(*value);
            }
        }
        if bar.is_empty() { f.write_str("0") } else { Ok(()) }
    }
}
