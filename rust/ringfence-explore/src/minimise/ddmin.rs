//! Delta debugging: `ddmin` of "Simplifying and Isolating Failure-Inducing Input" (Zeller, Hildebrandt, TSE 2002).

/// A part of `items`, in their order, for which `test` holds and from which no single item can be left out. `test` is
/// taken to hold for all of them. Its error says that it is not to be asked any more: then the smallest part so far.
pub fn ddmin<T: Clone, E>(items: &[T], mut test: impl FnMut(&[T]) -> Result<bool, E>) -> Vec<T> {
    let mut items = items.to_vec();
    // Nothing at all is the one part that halving never comes to.
    match test(&[]) {
        Ok(true) => return Vec::new(),
        Ok(false) => {}
        Err(_) => return items,
    }
    let mut parts = 2;
    while items.len() >= 2 {
        parts = parts.min(items.len());
        match smaller(&items, parts, &mut test) {
            Ok(Some(next)) => (items, parts) = next,
            Ok(None) if parts < items.len() => parts *= 2,
            Ok(None) | Err(_) => break,
        }
    }
    items
}

/// One of so many parts alone, or all but one, if the test holds for it; and how many parts to look at next.
fn smaller<T: Clone, E>(
    items: &[T],
    parts: usize,
    test: &mut impl FnMut(&[T]) -> Result<bool, E>,
) -> Result<Option<(Vec<T>, usize)>, E> {
    let bounds = |part: usize| part * items.len() / parts..(part + 1) * items.len() / parts;
    for part in 0..parts {
        let alone = &items[bounds(part)];
        if test(alone)? {
            return Ok(Some((alone.to_vec(), 2)));
        }
    }
    // Of two parts, each is all but the other.
    for part in (0..parts).filter(|_| parts > 2) {
        let without = bounds(part);
        let rest = [&items[..without.start], &items[without.end..]].concat();
        if test(&rest)? {
            return Ok(Some((rest, (parts - 1).max(2))));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::ddmin;

    /// Holds if all of `needed` are there.
    fn reduced(count: u32, needed: &[u32]) -> Vec<u32> {
        let all: Vec<u32> = (0..count).collect();
        ddmin(&all, |part| Ok::<_, ()>(needed.iter().all(|one| part.contains(one))))
    }

    #[test]
    fn finds_what_is_needed_wherever_it_is() {
        for count in 0..9 {
            for set in 0..1_u32 << count {
                let needed: Vec<u32> = (0..count).filter(|bit| set & 1 << bit != 0).collect();
                assert_eq!(reduced(count, &needed), needed);
            }
        }
    }

    /// Two ways to fulfil the test: one of them is left, and nothing besides.
    #[test]
    fn nothing_can_be_left_out_of_the_rest() {
        let holds =
            |part: &[u32]| [[1, 6], [3, 4]].iter().any(|pair| pair.iter().all(|one| part.contains(one)));
        let rest = ddmin(&[0, 1, 2, 3, 4, 5, 6, 7], |part| Ok::<_, ()>(holds(part)));
        assert!(rest == [1, 6] || rest == [3, 4], "{rest:?}");
    }

    #[test]
    fn what_is_there_when_it_is_not_asked_any_more_is_kept() {
        let mut left = 2;
        let rest = ddmin(&[0, 1, 2, 3], |part| {
            left -= 1;
            if left >= 0 { Ok(part.contains(&0)) } else { Err(()) }
        });
        assert_eq!(rest, [0, 1]);
    }
}
