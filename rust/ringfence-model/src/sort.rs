//! Sorting as `sort()` in `lib/sort.c` does: a heap sort, which decides about the order of what compares equal,
//! and copes with comparisons that are no order.
//!
//! Each round takes the two largest elements off the heap. An element sinks along the larger children down to a
//! leaf, and then rises to its place.

use core::cmp::Ordering;

/// Sorts in place.
pub(crate) fn sort<T: Copy>(list: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let mut heap = list.len();
    if heap < 2 {
        return;
    }
    for root in (0..heap / 2).rev() {
        sink(&mut list[..heap], root, &compare);
    }
    while heap > 3 {
        list.swap(0, heap - 1);
        let second = if compare(&list[1], &list[2]).is_gt() { 1 } else { 2 };
        list.swap(second, heap - 2);
        heap -= 2;
        sink(&mut list[..heap], second, &compare);
        sink(&mut list[..heap], 0, &compare);
    }
    list.swap(0, heap - 1);
    if heap == 3 && compare(&list[0], &list[1]).is_gt() {
        list.swap(0, 1);
    }
}

/// Makes the part of the heap below `root` a heap again.
fn sink<T: Copy>(heap: &mut [T], root: usize, compare: impl Fn(&T, &T) -> Ordering) {
    let mut place = root;
    while let (left, right) = (2 * place + 1, 2 * place + 2)
        && left < heap.len()
    {
        let left_is_larger = right == heap.len() || compare(&heap[left], &heap[right]).is_gt();
        place = if left_is_larger { left } else { right };
    }
    while place != root && compare(&heap[root], &heap[place]).is_ge() {
        place = (place - 1) / 2;
    }
    let Some(&(mut moved)) = heap.get(root) else { return };
    loop {
        std::mem::swap(&mut heap[place], &mut moved);
        if place == root {
            return;
        }
        place = (place - 1) / 2;
    }
}

#[cfg(test)]
mod tests {
    use super::sort;

    #[test]
    fn sorts() {
        for len in 0..40usize {
            for seed in 0..200usize {
                let list: Vec<usize> = (0..len).map(|n| (n * 7919 + seed * 104_729) % (seed + 1)).collect();
                let (mut ours, mut expected) = (list.clone(), list);
                sort(&mut ours, Ord::cmp);
                expected.sort_unstable();
                assert_eq!(ours, expected);
            }
        }
    }

    #[test]
    fn is_not_stable() {
        let mut list = [(1, 'a'), (1, 'b'), (1, 'c'), (1, 'd')];
        sort(&mut list, |a, b| a.0.cmp(&b.0));
        assert_ne!(list.map(|(_, name)| name), ['a', 'b', 'c', 'd']);
    }
}
