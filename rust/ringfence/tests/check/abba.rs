//! Two mutexes in two orders.

use ringfence::check::{Options, check};
use ringfence::diag::Verdict;

use crate::build::Build;

#[test]
fn abba_is_one_confirmed_finding() {
    let report = check(&Build::abba().scenario, &Options::default(), &|_| true).expect("a valid scenario");
    let [finding] = report.findings.as_slice() else { panic!("one finding: {report:#?}") };
    assert_eq!((finding.rule, finding.verdict), ("RF601", Verdict::Confirmed));
    assert_eq!(finding.chain.len(), 2);
    assert!(finding.lock.is_some(), "the validator saw it as well");
}
