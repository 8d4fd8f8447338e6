//! Shrinkers: how much each is asked to scan (`do_shrink_slab()` in `mm/shrinker.c`).

use ringfence_base::ProgramId;
use ringfence_base::scenario::{Kind, ObjectKind};

use crate::frame::{Flow, Frame};
use crate::kernel::Kernel;
use crate::memory::MemoryFrame;
use crate::value::Value;

/// How far reclaim has got: 12 scans the least, 0 the most. Rounds before the last only ask for less.
const PRIORITY: u32 = 0;
/// `SHRINK_BATCH`: how many objects one call of `scan_objects()` looks at, unless the shrinker says
/// otherwise.
const SHRINK_BATCH: i64 = 128;
/// `SHRINK_STOP`: no progress can be made now.
const SHRINK_STOP: i64 = -1;

/// One shrinker being run.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct ShrinkFrame {
    shrinker: u32,
    phase: Phase,
    quota: Quota,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Phase {
    Count,
    Counted,
    Scan,
    /// `scan_objects()` was asked for so many.
    Scanned(i64),
}

/// What is left to scan.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
struct Quota {
    /// What `count_objects()` said.
    freeable: i64,
    /// Still to scan in this round.
    total: i64,
    /// Old and new work that was not done.
    undone: i64,
}

impl Quota {
    /// For a shrinker that counts `freeable` objects and was left with `deferred` by earlier rounds.
    fn new(freeable: i64, deferred: i64, seeks: u32, priority: u32) -> Self {
        let delta = match seeks {
            // Cheap to make again: goes at once.
            0 => freeable / 2,
            seeks => (freeable >> priority).saturating_mul(4) / i64::from(seeks),
        };
        let total = (deferred >> priority).saturating_add(delta).min(freeable.saturating_mul(2));
        Self { freeable, total, undone: deferred.saturating_add(delta) }
    }

    /// How many the next call is asked for. Less than a batch is left for later rounds, unless that is all
    /// there is.
    fn next(self, batch: i64) -> Option<i64> {
        (self.total >= batch || self.total >= self.freeable).then(|| batch.min(self.total))
    }

    fn scanned(&mut self, count: i64) {
        self.total -= count;
        self.undone -= count;
    }

    /// What later rounds are left with.
    fn deferred(self) -> i64 {
        self.undone.max(0).min(self.freeable.saturating_mul(2))
    }
}

/// A shrinker's declaration.
struct Shrinker {
    count: ProgramId,
    scan: ProgramId,
    seeks: u32,
    batch: i64,
}

impl Kernel<'_> {
    fn shrinker(&self, index: u32) -> Shrinker {
        let &ObjectKind::Shrinker { count, scan, seeks, batch } = self.plan.declared(Kind::Shrinker, index)
        else {
            panic!("engine bug: shrinker {index} is declared as something else");
        };
        let batch = if batch == 0 { SHRINK_BATCH } else { i64::from(batch) };
        Shrinker { count, scan, seeks, batch }
    }

    /// Runs one shrinker.
    pub(crate) fn shrink_slab(&mut self, shrinker: u32) -> Flow {
        let frame = ShrinkFrame { shrinker, phase: Phase::Count, quota: Quota::default() };
        self.call(Frame::Memory(MemoryFrame::Shrink(frame)))
    }

    pub(crate) fn run_shrink(&mut self, frame: ShrinkFrame) -> Flow {
        let ShrinkFrame { shrinker, phase, mut quota } = frame;
        let Shrinker { count, scan, seeks, batch } = self.shrinker(shrinker);
        match phase {
            Phase::Count => {
                self.shrink_phase(frame, Phase::Counted);
                self.call_program(count, &[])
            }
            Phase::Counted => {
                let freeable = self.ret().int();
                // Nothing, or SHRINK_EMPTY.
                if freeable <= 0 {
                    return Flow::Return(Value::Null);
                }
                // Nobody else does this work meanwhile.
                let deferred = std::mem::take(&mut self.w.memory.deferred[shrinker as usize]);
                quota = Quota::new(freeable, deferred, seeks, PRIORITY);
                self.shrink_phase(ShrinkFrame { quota, ..frame }, Phase::Scan);
                Flow::Continue
            }
            Phase::Scan => match quota.next(batch) {
                Some(count) => {
                    self.shrink_phase(frame, Phase::Scanned(count));
                    self.call_program(scan, &[Value::Int(count)])
                }
                None => self.shrunk(shrinker, quota),
            },
            Phase::Scanned(count) => {
                if self.ret().int() == SHRINK_STOP {
                    return self.shrunk(shrinker, quota);
                }
                quota.scanned(count);
                self.shrink_phase(ShrinkFrame { quota, ..frame }, Phase::Scan);
                Flow::Continue
            }
        }
    }

    fn shrink_phase(&mut self, frame: ShrinkFrame, phase: Phase) {
        self.replace(Frame::Memory(MemoryFrame::Shrink(ShrinkFrame { phase, ..frame })));
    }

    fn shrunk(&mut self, shrinker: u32, quota: Quota) -> Flow {
        let deferred = &mut self.w.memory.deferred[shrinker as usize];
        *deferred = deferred.saturating_add(quota.deferred());
        Flow::Return(Value::Null)
    }
}

#[cfg(test)]
mod tests {
    use super::Quota;

    /// Worked out by hand from what `do_shrink_slab()` does: freeable, deferred, seeks, priority; delta is
    /// (freeable >> priority) * 4 / seeks, the total at most twice freeable.
    #[test]
    fn totals_follow_the_kernel() {
        let cases = [
            ((1, 0, 2, 0), 2),
            ((1000, 0, 2, 0), 2000),
            ((1000, 0, 2, 3), 250),
            ((1000, 0, 1, 3), 500),
            ((1000, 4000, 2, 3), 750),
            ((1000, 40_000, 2, 3), 2000),
            ((4095, 0, 2, 12), 0),
            ((4096, 0, 2, 12), 2),
            ((1001, 0, 0, 12), 500),
            ((i64::MAX, i64::MAX, 1, 0), i64::MAX),
        ];
        for ((freeable, deferred, seeks, priority), total) in cases {
            assert_eq!(Quota::new(freeable, deferred, seeks, priority).total, total, "{freeable} {priority}");
        }
    }

    #[test]
    fn less_than_a_batch_is_left_for_later_unless_it_is_all_there_is() {
        let quota = |freeable, total| Quota { freeable, total, undone: total };
        assert_eq!(quota(1000, 127).next(128), None);
        assert_eq!(quota(1000, 128).next(128), Some(128));
        assert_eq!(quota(1000, 300).next(128), Some(128));
        assert_eq!(quota(100, 100).next(128), Some(100));
        assert_eq!(quota(100, 99).next(128), None);
        let mut left = quota(1000, 300);
        left.scanned(128);
        assert_eq!((left.total, left.deferred()), (172, 172));
    }

    #[test]
    fn deferred_work_is_capped_at_twice_what_is_there() {
        assert_eq!(Quota::new(10, 1000, 2, 3).deferred(), 20);
        assert_eq!(Quota { freeable: 10, total: 0, undone: -5 }.deferred(), 0);
    }
}
