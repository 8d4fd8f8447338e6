//! What the kernel's own self-test of reservations expects (`drivers/dma-buf/st-dma-resv.c`), by the same names:
//! for every usage, and with interrupts on and off where the fence is signaled.

use ringfence_base::scenario::Op;
use ringfence_model::Value;

use crate::fences::Mock;

struct Case {
    mock: Mock,
    fence: Value,
    resv: Value,
    usage: i64,
    irqs_off: bool,
}

/// Runs a test for all usages and settings, after which nothing must be left.
fn all(test: impl Fn(&mut Case)) {
    for usage in 0..4 {
        for irqs_off in [false, true] {
            let mut mock = Mock::new(1, 1);
            let fence = mock.fence();
            mock.enable(fence);
            let resv = mock.resv(0);
            let mut case = Case { mock, fence, resv, usage, irqs_off };
            test(&mut case);
            case.mock.call(Op::DmaResvFini, &[resv]);
            case.mock.put(fence);
            assert!(case.mock.is_freed(fence), "usage {usage}: it leaks");
            assert!(case.mock.broken().is_empty(), "usage {usage}: {:?}", case.mock.broken());
        }
    }
}

impl Case {
    fn lock(&mut self) {
        assert_eq!(self.mock.number(Op::DmaResvLock, &[self.resv, Value::Null]), 0);
    }

    fn unlock(&mut self) {
        self.mock.call(Op::DmaResvUnlock, &[self.resv]);
    }

    fn reserve(&mut self, count: i64) {
        assert_eq!(self.mock.number(Op::DmaResvReserveFences, &[self.resv, Value::Int(count)]), 0);
    }

    /// Locks, reserves, and adds the fence.
    fn add(&mut self) {
        self.lock();
        self.reserve(1);
        self.mock.call(Op::DmaResvAddFence, &[self.resv, self.fence, Value::Int(self.usage)]);
    }

    fn signal(&mut self) {
        if self.irqs_off {
            self.mock.call(Op::LocalIrqDisable, &[]);
        }
        // Others know the fence: signalling it is annotated.
        let cookie = self.mock.call(Op::DmaFenceBeginSignalling, &[]);
        assert_eq!(self.mock.signal(self.fence), 0);
        self.mock.call(Op::DmaFenceEndSignalling, &[cookie]);
        if self.irqs_off {
            self.mock.call(Op::LocalIrqEnable, &[]);
        }
    }

    fn test_signaled(&mut self) -> bool {
        self.mock.number(Op::DmaResvTestSignaled, &[self.resv, Value::Int(self.usage)]) != 0
    }

    fn cursor(&mut self) -> Value {
        self.mock.call(Op::DmaResvIterBegin, &[self.resv, Value::Int(self.usage)])
    }
}

#[test]
fn sanitycheck() {
    all(|case| {
        case.signal();
        case.lock();
        case.unlock();
    });
}

#[test]
fn test_signaling() {
    all(|case| {
        case.add();
        assert!(!case.test_signaled());
        case.signal();
        assert!(case.test_signaled());
        case.unlock();
    });
}

#[test]
fn test_for_each() {
    all(|case| {
        case.add();
        let cursor = case.cursor();
        assert_eq!(case.mock.call(Op::DmaResvIterFirst, &[cursor]), case.fence);
        assert_eq!(case.mock.number(Op::DmaResvIterUsage, &[cursor]), case.usage);
        assert_eq!(case.mock.call(Op::DmaResvIterNext, &[cursor]), Value::Null);
        case.mock.call(Op::DmaResvIterEnd, &[cursor]);
        case.signal();
        case.unlock();
    });
}

#[test]
fn test_for_each_unlocked() {
    all(|case| {
        case.add();
        case.unlock();
        let cursor = case.cursor();
        let restarted = |case: &mut Case| case.mock.number(Op::DmaResvIterIsRestarted, &[cursor]);
        assert_eq!(case.mock.call(Op::DmaResvIterFirstUnlocked, &[cursor]), case.fence);
        assert_eq!(restarted(case), 1);
        assert_eq!(case.mock.number(Op::DmaResvIterUsage, &[cursor]), case.usage);
        // Another list is put in place: the walk begins again, and says so.
        case.lock();
        case.reserve(100);
        case.unlock();
        assert_eq!(case.mock.call(Op::DmaResvIterNextUnlocked, &[cursor]), case.fence);
        assert_eq!(restarted(case), 1);
        assert_eq!(case.mock.call(Op::DmaResvIterNextUnlocked, &[cursor]), Value::Null);
        assert_eq!(restarted(case), 0);
        case.mock.call(Op::DmaResvIterEnd, &[cursor]);
        case.signal();
    });
}

/// The only fence is what all fences are.
#[test]
fn test_get_fences() {
    all(|case| {
        case.add();
        case.unlock();
        let args = [case.resv, Value::Int(case.usage)];
        let only = case.mock.call(Op::DmaResvGetSingleton, &args);
        assert_eq!(only, case.fence);
        case.signal();
        case.mock.put(only);
    });
}
