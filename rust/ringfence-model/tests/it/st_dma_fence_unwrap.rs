//! What the kernel's own self-test of unwrapping expects (`drivers/dma-buf/st-dma-fence-unwrap.c`), by the same
//! names.

use ringfence_base::scenario::Op;
use ringfence_model::Value;

use crate::fences::Mock;

/// Two fences on contexts of their own, enabled.
fn two() -> (Mock, Value, Value) {
    let mut mock = Mock::new(2, 1);
    let fences = [0, 1].map(|timeline| {
        let fence = mock.fence_on(timeline);
        mock.enable(fence);
        fence
    });
    (mock, fences[0], fences[1])
}

/// Nothing is left of these, and no rule was broken.
fn gone(mock: &Mock, fences: &[Value]) {
    for &fence in fences {
        assert!(mock.is_freed(fence), "{fence:?} leaks");
    }
    assert!(mock.broken().is_empty(), "{:?}", mock.broken());
}

#[test]
fn sanitycheck() {
    let mut mock = Mock::new(1, 1);
    let fence = mock.fence();
    mock.enable(fence);
    let array = mock.array(&[fence], false);
    let chain = mock.chain(Value::Null, array, 1);
    mock.put(chain);
    gone(&mock, &[fence, array, chain]);
}

#[test]
fn unwrap_array() {
    let (mut mock, f1, f2) = two();
    let array = mock.array(&[f1, f2], false);
    assert_eq!(mock.unwrap(array), [f1, f2]);
    mock.put(array);
    gone(&mock, &[f1, f2, array]);
}

#[test]
fn unwrap_chain() {
    let (mut mock, f1, f2) = two();
    let chain = mock.chain(f1, f2, 1);
    assert_eq!(mock.unwrap(chain), [f2, f1]);
    mock.put(chain);
    gone(&mock, &[f1, f2, chain]);
}

#[test]
fn unwrap_chain_array() {
    let (mut mock, f1, f2) = two();
    let array = mock.array(&[f1, f2], false);
    let chain = mock.chain(Value::Null, array, 1);
    assert_eq!(mock.unwrap(chain), [f1, f2]);
    mock.put(chain);
    gone(&mock, &[f1, f2, array, chain]);
}

#[test]
fn unwrap_merge() {
    let (mut mock, f1, f2) = two();
    let f3 = mock.merge(&[f1, f2]);
    assert_eq!(mock.unwrap(f3), [f1, f2]);
    for fence in [f1, f2, f3] {
        mock.put(fence);
    }
    gone(&mock, &[f1, f2, f3]);
}

#[test]
fn unwrap_merge_complex() {
    let (mut mock, f1, f2) = two();
    let f3 = mock.merge(&[f1, f2]);
    let f4 = mock.merge(&[f2, f1]);
    let stub = mock.call(Op::DmaFenceGetStub, &[]);
    // What is signaled is left out, and what the arrays have in common is there once.
    let f5 = mock.merge(&[f3, f4, stub]);
    assert_eq!(mock.unwrap(f5), [f1, f2]);
    for fence in [f1, f2, f3, f4, f5, stub] {
        mock.put(fence);
    }
    gone(&mock, &[f1, f2, f3, f4, f5]);
}
