//! Local search where there are too many schedules to look at all of them: some deviations are given up for one
//! other.

use ringfence_base::{End, System};

use super::course::Wish;
use super::deviation::Intent;
use super::search::{Enough, Search};

/// Two deviations for one other, wherever it is: fewer context switches. Then one for one other: the same sooner or
/// later, or something shorter. Until neither makes the best schedule better.
pub(super) fn exchange<S: System, F: FnMut(&mut S, Option<End>) -> bool>(
    search: &mut Search<'_, S, F>,
) -> Result<(), Enough> {
    loop {
        let intents = search.intents()?;
        let pairs = (0..intents.len()).flat_map(|a| (a + 1..intents.len()).map(move |b| [a, b]));
        let singles = (0..intents.len()).map(|a| [a, a]);
        let mut better = false;
        for given_up in pairs.chain(singles) {
            if for_another(search, &intents, given_up)? {
                better = true;
                break;
            }
        }
        if !better {
            return Ok(());
        }
    }
}

/// Tries every single deviation in place of these; whether one of them makes the best schedule better.
fn for_another<S: System, F: FnMut(&mut S, Option<End>) -> bool>(
    search: &mut Search<'_, S, F>,
    intents: &[Intent],
    given_up: [usize; 2],
) -> Result<bool, Enough> {
    let before = search.size();
    let kept = intents.iter().enumerate().filter(|(index, _)| !given_up.contains(index));
    let kept: Vec<Intent> = kept.map(|(_, intent)| *intent).collect();
    search.run(Wish { intents: &kept, ..Wish::default() }, search.limits.steps_max)?;
    let places = search.course.places();
    let points = search.course.points.clone();
    // What comes behind the end of the best schedule makes none shorter, but may make one of fewer deviations.
    for (at, point) in (0..).zip(&points).filter(|(_, point)| point.taken == point.usual) {
        let earlier = &places[..places.partition_point(|&(known, _)| known < at)];
        for choice in point.unusual() {
            let wish: Vec<(u32, u32)> = earlier.iter().copied().chain([(at, choice)]).collect();
            let wish = Wish { at: &wish, placed: at + 1, intents: &kept, ..Wish::default() };
            search.run(wish, search.limits.steps_max)?;
        }
        if search.size() < before {
            return Ok(true);
        }
    }
    Ok(search.size() < before)
}
