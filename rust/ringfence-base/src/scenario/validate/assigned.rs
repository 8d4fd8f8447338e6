//! Which registers have a value at a point of a program, whatever path led there.

/// The registers that are assigned on every path to a point; nothing if no path leads there.
#[derive(Clone)]
pub(super) struct Assigned {
    reachable: bool,
    bits: Vec<u64>,
}

impl Assigned {
    /// A point where the first so many of these registers have values.
    pub(super) fn params(params: usize, registers: usize) -> Self {
        let mut assigned = Self { reachable: true, bits: vec![0; registers.div_ceil(64)] };
        (0..params).for_each(|register| assigned.assign(register));
        assigned
    }

    /// A point that is never reached.
    pub(super) const fn never() -> Self {
        Self { reachable: false, bits: Vec::new() }
    }

    pub(super) const fn is_reachable(&self) -> bool {
        self.reachable
    }

    pub(super) fn assign(&mut self, register: usize) {
        if self.reachable {
            self.bits[register / 64] |= 1 << (register % 64);
        }
    }

    /// What is never run reads nothing, so there every register counts as assigned.
    pub(super) fn contains(&self, register: usize) -> bool {
        !self.reachable || self.bits[register / 64] & (1 << (register % 64)) != 0
    }

    /// The point where this path and another one meet.
    pub(super) fn join(&mut self, other: Self) {
        if !self.reachable {
            *self = other;
        } else if other.reachable {
            self.bits.iter_mut().zip(other.bits).for_each(|(mine, theirs)| *mine &= theirs);
        }
    }
}
