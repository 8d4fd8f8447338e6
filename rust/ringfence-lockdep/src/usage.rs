//! Usage states of a class: used in an irq, or held with that irq on (`lockdep_states.h`,
//! `enum lock_usage_bit` in `kernel/locking/lockdep_internals.h`).

use ringfence_base::Read;

/// One usage bit. Bit 0 of the number: reader; bit 1: irq enabled rather than used in irq; above: which
/// irq.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct UsageBit(u8);

/// A set of usage bits.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct UsageMask(pub(crate) u16);

const READ: u8 = 1;
const ENABLED: u8 = 2;

impl UsageBit {
    pub(crate) const USED_IN_HARDIRQ: Self = Self(0);
    pub(crate) const ENABLED_HARDIRQ: Self = Self(ENABLED);
    pub(crate) const USED_IN_SOFTIRQ: Self = Self(4);
    pub(crate) const ENABLED_SOFTIRQ: Self = Self(4 | ENABLED);
    pub(crate) const USED: Self = Self(8);

    /// The number of irq usage bits; `USED` and `USED_READ` come after them.
    const IRQ_BITS: u8 = 8;

    pub(crate) const fn number(self) -> u8 {
        self.0
    }

    pub(crate) const fn from_number(number: u8) -> Self {
        Self(number)
    }

    pub(crate) const fn mask(self) -> UsageMask {
        UsageMask(1 << self.0)
    }

    /// The same state for a reader.
    pub(crate) const fn read(self) -> Self {
        Self(self.0 | READ)
    }

    /// The same irq and reader, but held with the irq on.
    pub(crate) const fn enabled(self) -> Self {
        Self(self.0 | ENABLED)
    }

    pub(crate) const fn is_read(self) -> bool {
        self.0 & READ != 0
    }

    /// Says something about interrupts, unlike plain `USED`.
    pub(crate) const fn is_irq(self) -> bool {
        self.0 < Self::IRQ_BITS
    }

    pub(crate) const fn is_enabled(self) -> bool {
        self.0 & ENABLED != 0
    }

    /// The write usage that can't go together with this one: direction flipped, reader stripped.
    pub(crate) const fn exclusive(self) -> Self {
        Self((self.0 ^ ENABLED) & !READ)
    }

    /// Which irq: 0 hard, 1 soft.
    pub(crate) const fn irq(self) -> u8 {
        self.0 >> 2
    }

    /// The kernel's name, as in `{IN-HARDIRQ-W}`.
    pub(crate) const fn name(self) -> &'static str {
        const NAMES: [&str; 10] = [
            "IN-HARDIRQ-W",
            "IN-HARDIRQ-R",
            "HARDIRQ-ON-W",
            "HARDIRQ-ON-R",
            "IN-SOFTIRQ-W",
            "IN-SOFTIRQ-R",
            "SOFTIRQ-ON-W",
            "SOFTIRQ-ON-R",
            "INITIAL USE",
            "INITIAL READ USE",
        ];
        NAMES[self.0 as usize]
    }

    /// The kernel's name of the irq with the reader's suffix, as in `HARDIRQ-READ-safe`.
    pub(crate) const fn irq_name(self) -> &'static str {
        const NAMES: [&str; 4] = ["HARDIRQ", "HARDIRQ-READ", "SOFTIRQ", "SOFTIRQ-READ"];
        NAMES[((self.0 >> 1 & 2) | (self.0 & READ)) as usize]
    }
}

impl UsageMask {
    pub(crate) const NONE: Self = Self(0);
    /// All `USED_IN` bits.
    pub(crate) const USED_IN: Self = Self(0b0011_0011);
    /// All `ENABLED` bits.
    pub(crate) const ENABLED: Self = Self(0b1100_1100);
    /// The irq bits of writers.
    const IRQ_WRITE: Self = Self(0b0101_0101);

    pub(crate) const fn contains(self, bit: UsageBit) -> bool {
        self.0 & bit.mask().0 != 0
    }

    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What counts of a class at the weak end of a path (`usage_match()`, `usage_accumulate()`):
    /// there only its writers can close the circle.
    pub(crate) const fn at_end(self, weak: bool) -> Self {
        if weak { self.intersection(Self::IRQ_WRITE) } else { self }
    }

    /// The reader's variant of a mask of writer bits, if `read`.
    pub(crate) const fn for_read(self, read: Read) -> Self {
        if read.is_read() { Self(self.0 << 1) } else { self }
    }

    /// The bits, lowest first: the order in which the kernel marks and reports.
    pub(crate) fn bits(self) -> impl Iterator<Item = UsageBit> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let number = rest.trailing_zeros();
            rest &= rest.wrapping_sub(1);
            (number < 16).then_some(UsageBit(number as u8))
        })
    }

    /// Everything of the other direction that clashes with a bit of this mask, readers and writers
    /// alike (`exclusive_mask()`, `original_mask()`: the two are the same function).
    pub(crate) const fn opposite(self) -> Self {
        let flipped = (self.0 & Self::ENABLED.0) >> 2 | (self.0 & Self::USED_IN.0) << 2;
        let write = flipped & Self::IRQ_WRITE.0 | (flipped >> 1) & Self::IRQ_WRITE.0;
        Self(write | write << 1)
    }

    /// Folds readers and writers: bit 0 hard irq, bit 1 soft irq, for one direction.
    pub(crate) const fn irqs(self, direction: Self) -> u8 {
        let bits = self.0 & direction.0;
        ((bits & 0x0f != 0) as u8) | ((bits & 0xf0 != 0) as u8) << 1
    }
}
