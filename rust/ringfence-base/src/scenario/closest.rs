//! Which known name somebody may have meant.

use crate::shown::shown;

/// Longer names are no typos.
const MAX_NAME: usize = 64;

/// `; did you mean `x`?`, or nothing if no candidate comes near.
pub(super) fn suggestion<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    closest(name, candidates).map_or_else(String::new, |best| format!("; did you mean `{best}`?"))
}

/// `unknown operation `x`; did you mean `y`?`
pub(super) fn unknown<'a>(what: &str, name: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    format!("unknown {what} `{}`{}", shown(name), suggestion(name, candidates))
}

/// The candidate with the fewest changes, if they are few enough; the first of equals.
fn closest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > MAX_NAME {
        return None;
    }
    let name = name.to_lowercase();
    let few = name.len().div_ceil(3);
    let near = candidates.map(|candidate| (distance(name.as_bytes(), candidate.as_bytes()), candidate));
    near.filter(|&(changes, _)| changes <= few).min_by_key(|&(changes, _)| changes).map(|(_, best)| best)
}

/// Bytes to insert, delete, change or swap with the neighbour (optimal string alignment).
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &y) in b.iter().enumerate() {
            let mut best = (last[j] + usize::from(x != y)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && x == b[j - 1] && a[i - 1] == y {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = last;
        last = row;
    }
    last[b.len()]
}
