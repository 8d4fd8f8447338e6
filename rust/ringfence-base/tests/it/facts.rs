//! Tables: error numbers, names of operations and kinds.

use std::collections::BTreeSet;
use std::io::Error;

use ringfence_base::errno;
use ringfence_base::scenario::{Kind, Op};

#[test]
fn error_numbers_are_in_order_and_found_both_ways() {
    assert!(errno::ALL.is_sorted_by_key(|&(_, value)| value));
    for &(name, value) in errno::ALL {
        assert!((1..=errno::MAX_ERRNO).contains(&value));
        assert_eq!(errno::name(value), Some(name));
        assert_eq!(errno::name(-value), Some(name));
        assert_eq!(errno::from_name(name), Some(value));
    }
    for nothing in [0, 41, 4096, i64::MIN, i64::MAX] {
        assert_eq!(errno::name(nothing), None);
    }
    assert_eq!(errno::from_name("ENOTHING"), None);
    assert_eq!((errno::EDEADLK, errno::EALREADY, errno::ERESTARTSYS), (35, 114, 512));
}

/// The C library knows the numbers of user space on this machine.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#[test]
fn error_numbers_are_those_of_the_c_library() {
    let said = |value: i64| Error::from_raw_os_error(i32::try_from(value).expect("small")).to_string();
    assert!(said(errno::EDEADLK).starts_with("Resource deadlock avoided"));
    assert!(said(errno::ETIME).starts_with("Timer expired"));
    assert!(said(errno::ENOTRECOVERABLE).starts_with("State not recoverable"));
    for &(name, value) in errno::ALL.iter().filter(|&&(_, value)| value < 512) {
        assert!(!said(value).starts_with("Unknown error"), "{name}");
    }
}

#[test]
fn names_are_distinct_and_found() {
    let names: BTreeSet<&str> = Op::ALL.iter().map(|op| op.name()).collect();
    assert_eq!(names.len(), Op::ALL.len());
    for &op in Op::ALL {
        assert_eq!(Op::from_name(op.name()), Some(op));
        assert!(op.spec().args.len() <= 4, "{}", op.name());
    }
    assert_eq!(Op::from_name("mutex_loc"), None);
    for &kind in Kind::ALL {
        assert_eq!(Kind::from_name(kind.as_str()), Some(kind));
    }
}
