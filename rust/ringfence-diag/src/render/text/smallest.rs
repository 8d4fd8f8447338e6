//! What was made as small as can be: where a schedule is special, and the scenario that is left.

use super::check::Again;
use super::phrase::Phrase;
use crate::{DeviationView, Finding};

/// Lines of pseudo-code that are shown, empty ones apart; a larger scenario is only pointed to.
const LINES_SHOWN: usize = 25;

/// `FIFO everywhere except: before step 7, kworker runs instead of client`.
pub(super) fn deviations(deviations: &[DeviationView], fewest: bool) -> Phrase {
    let special: Vec<String> = deviations.iter().map(DeviationView::to_string).collect();
    if special.is_empty() {
        return Phrase::new().plain("FIFO everywhere.");
    }
    let none = match (fewest, special.len()) {
        (false, _) => "",
        (true, 1) => " Without that it does not show.",
        (true, _) => " No schedule with fewer exceptions shows it.",
    };
    Phrase::new().plain(&format!("FIFO everywhere except: {}.{none}", special.join("; ")))
}

/// The scenario without all that it can be without.
pub(super) fn smallest(finding: &Finding, width: usize, again: Again<'_>) -> Vec<Phrase> {
    let Some(smallest) = &finding.smallest else { return Vec::new() };
    let size = format!(
        " ({} of {} threads, {} of {} statements)",
        smallest.threads, smallest.of_threads, smallest.statements, smallest.of_statements
    );
    let head = Phrase::new().label("Smallest scenario").plain(&size);
    let code: Vec<&str> = smallest.code.lines().filter(|line| !line.trim().is_empty()).collect();
    if code.len() > LINES_SHOWN {
        let place = match again {
            Again::Call => ": finding.smallest_scenario.",
            Again::Command(_) => ": with --json it is \"smallest\" of the finding.",
        };
        let mut lines = head.plain(place).wrap(width, 2);
        lines.extend(deviations(&smallest.deviations, smallest.fewest).wrap(width, 2));
        return lines;
    }
    let mut lines = head.plain(":").wrap(width, 2);
    lines.extend(deviations(&smallest.deviations, smallest.fewest).wrap(width, 2));
    // Code is not wrapped but where a line is too long.
    for line in code {
        let line = Phrase::new().plain(&format!("  {line}"));
        lines.extend(if line.width() <= width { vec![line] } else { line.fit(width) });
    }
    lines
}
