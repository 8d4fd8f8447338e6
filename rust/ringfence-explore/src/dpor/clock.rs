//! Vector clocks: what happened before an event.

/// For each event, how many events of each party happened before it or are it.
#[derive(Clone, Debug, Default)]
pub(super) struct Clocks {
    /// Numbers in one row.
    stride: usize,
    rows: Vec<u32>,
}

/// The clock of an event in the making.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock(Vec<u32>);

impl Clock {
    /// Nothing happened before, among so many parties.
    #[inline]
    pub(super) fn start(&mut self, clocks: &Clocks) {
        self.0.clear();
        self.0.resize(clocks.stride, 0);
    }

    /// So did everything that happened before this event, and the event.
    #[inline]
    pub(super) fn join(&mut self, clocks: &Clocks, event: u32) {
        for (mine, theirs) in self.0.iter_mut().zip(clocks.row(event)) {
            *mine = (*mine).max(*theirs);
        }
    }

    /// So did everything that happened before another.
    #[inline]
    pub(super) fn join_clock(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = (*mine).max(*theirs);
        }
    }

    /// Whether the `number`-th event of the party, counted from 1, happened before.
    #[inline]
    pub(super) fn covers(&self, party: u32, number: u32) -> bool {
        self.0[party as usize] >= number
    }

    /// The event itself is the `number`-th of its party.
    #[inline]
    pub(super) fn tick(&mut self, party: u32, number: u32) {
        self.0[party as usize] = number;
    }
}

impl Clocks {
    /// No events; little memory for each.
    pub(super) fn clear(&mut self) {
        self.rows.clear();
        self.stride = 4;
    }

    /// Room for so many parties in each clock.
    #[inline]
    pub(super) fn make_room(&mut self, parties: usize) {
        if parties > self.stride {
            self.widen(parties.next_power_of_two());
        }
    }

    #[cold]
    fn widen(&mut self, stride: usize) {
        let mut rows = Vec::with_capacity(self.rows.len() / self.stride * stride);
        for row in self.rows.chunks_exact(self.stride) {
            rows.extend_from_slice(row);
            rows.resize(rows.len() + stride - self.stride, 0);
        }
        self.rows = rows;
        self.stride = stride;
    }

    #[inline]
    fn row(&self, event: u32) -> &[u32] {
        &self.rows[event as usize * self.stride..][..self.stride]
    }

    /// The clock of the next event.
    #[inline]
    pub(super) fn push(&mut self, clock: &Clock) {
        self.rows.extend_from_slice(&clock.0);
    }

    /// Forgets the latest event.
    #[inline]
    pub(super) fn pop(&mut self) {
        self.rows.truncate(self.rows.len() - self.stride);
    }

    /// Whether the `number`-th event of the party, counted from 1, happened before the event, or is it.
    #[inline]
    pub(super) fn covers(&self, event: u32, party: u32, number: u32) -> bool {
        self.rows[event as usize * self.stride + party as usize] >= number
    }

    pub(super) fn memory(&self) -> usize {
        self.rows.capacity() * size_of::<u32>()
    }
}
