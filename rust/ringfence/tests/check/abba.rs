//! Two mutexes in two orders.

use ringfence::check::{Options, check};
use ringfence::diag::Verdict;
use ringfence_base::scenario::Op;

use crate::build::{Build, obj, op};

#[test]
fn abba_is_one_confirmed_finding() {
    let mut build = Build::default();
    let (a, b) = (build.mutex("a"), build.mutex("b"));
    for (name, first, second) in [("one", a, b), ("two", b, a)] {
        build.thread(
            name,
            &[],
            vec![
                op(Op::MutexLock, &[obj(first)]),
                op(Op::MutexLock, &[obj(second)]),
                op(Op::MutexUnlock, &[obj(second)]),
                op(Op::MutexUnlock, &[obj(first)]),
            ],
        );
    }
    let report = check(&build.scenario, &Options::default(), &|_| true).expect("a valid scenario");
    let [finding] = report.findings.as_slice() else { panic!("one finding: {report:#?}") };
    assert_eq!((finding.rule, finding.verdict), ("RF601", Verdict::Confirmed));
    assert_eq!(finding.chain.len(), 2);
    assert!(finding.lock.is_some(), "the validator saw it as well");
}
