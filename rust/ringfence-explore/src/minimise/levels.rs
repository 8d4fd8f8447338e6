//! All schedules with 0 deviations, then all with 1, with 2, …: what "Delay-bounded scheduling" (Emmi, Qadeer,
//! Rakamarić, POPL 2011) does with delays. What is on no level that was searched whole is nowhere.

use ringfence_base::{End, System};

use super::Effort;
use super::course::{Course, Ended, Wish};
use super::search::{Enough, Search};

/// Where a schedule deviates.
type Places = Box<[(u32, u32)]>;

/// Looks at all schedules, fewest deviations first, until it is known that none is better than the best one, or no
/// more than `spare` is left of the effort. Only the first so many levels are looked at.
pub(super) fn levels<S: System, F: FnMut(&mut S, Option<End>) -> bool>(
    search: &mut Search<'_, S, F>,
    levels_max: usize,
    spare: Effort,
) -> Result<(), Enough> {
    let mut level: Vec<Places> = vec![Box::default()];
    let mut cut = false;
    for deviations in 0..levels_max {
        if !cut {
            search.levels = deviations;
        }
        let mut next = Some(Vec::new());
        for places in &level {
            let left = search.left();
            if left.executions <= spare.executions || left.steps <= spare.steps {
                return Ok(());
            }
            // With as many deviations as the best one, only a shorter one is of interest.
            let (fewest, steps) = search.size();
            let last = fewest == deviations;
            let bound = search.limits.steps_max;
            let steps_max = if last { bound.min(steps.saturating_sub(1)) } else { bound };
            let placed = places.last().map_or(0, |&(at, _)| at + 1);
            let ended = search.run(Wish { at: places, placed, ..Wish::default() }, steps_max)?;
            if ended != Ended::Shown && !last {
                cut |= ended == Ended::Cut;
                let room = search.left().executions.saturating_sub(spare.executions);
                next = next.filter(|next| next.len() as u64 + children(&search.course, placed) <= room);
                if let Some(next) = &mut next {
                    add_children(next, places, &search.course, placed);
                }
            }
        }
        if !cut {
            search.levels = deviations + 1;
        }
        let (fewest, _) = search.size();
        match next {
            Some(next) if fewest > deviations => level = next,
            _ => return Ok(()),
        }
    }
    Ok(())
}

/// How many schedules deviate once more, behind these choices.
fn children(course: &Course, from: u32) -> u64 {
    course.points.iter().skip(from as usize).map(|point| u64::from(point.options) - 1).sum()
}

/// Those schedules.
fn add_children(next: &mut Vec<Places>, places: &Places, course: &Course, from: u32) {
    for (at, point) in (0..).zip(&course.points).skip(from as usize) {
        next.extend(point.unusual().map(|choice| places.iter().copied().chain([(at, choice)]).collect()));
    }
}
