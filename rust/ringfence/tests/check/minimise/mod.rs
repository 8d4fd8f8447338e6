//! Bugs buried in much else come out as small as they are known to be.

mod bugs;
mod noise;
mod random;
mod reference;
mod text;

use ringfence::check::{Execution, Minimised, Options, ReplayOptions, Schedule, minimise};
use ringfence::diag::render::{Style, TextOptions};
use ringfence::diag::{Finding, Verdict};
use ringfence_base::scenario::{Environment, Scenario, Stmt};

use self::bugs::{BUGS, Bug};
use self::text::Text;
use crate::random::asked_for;

const STEPS: u64 = 2_000;

/// How large a scenario is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Size {
    threads: usize,
    statements: usize,
    objects: usize,
    parts: Vec<&'static str>,
}

impl Size {
    fn of(scenario: &Scenario) -> Self {
        fn count(body: &[Stmt]) -> usize {
            let inside = |stmt: &Stmt| match stmt {
                Stmt::If { then, otherwise, .. } => count(then) + count(otherwise),
                Stmt::Loop { body, .. } => count(body),
                _ => 0,
            };
            body.iter().map(|stmt| 1 + inside(stmt)).sum()
        }
        let mut environment = scenario.environment.clone();
        let on = |part: &&str| environment.part(part).is_some_and(|on| *on);
        Self {
            threads: scenario.threads.len(),
            statements: scenario.programs.iter().map(|program| count(&program.body)).sum(),
            objects: scenario.objects.len(),
            parts: Environment::PARTS.into_iter().filter(on).collect(),
        }
    }
}

fn bare(bug: &Bug) -> Scenario {
    let mut text = Text::default();
    text.scenario.name = bug.name.into();
    (bug.build)(&mut text);
    text.scenario
}

/// An execution that hangs as the bug does, with what is said of it.
fn hang(bug: &Bug, scenario: &Scenario) -> Option<(Finding, Vec<u32>)> {
    let options = Options::default();
    let fits = |finding: &Finding| {
        // The validator may know a name for it.
        let rule = finding.rule == bug.rule || bug.rule == "RF701" && finding.rule.starts_with("RF6");
        rule && finding.verdict == Verdict::Confirmed && finding.chain.len() == bug.links
    };
    (0..20_000).find_map(|seed| {
        let execution = Execution::of(scenario, options.profile, &Schedule::Random(seed), STEPS, &|| true);
        let execution = execution.expect("a valid scenario");
        if execution.end() != ringfence::check::End::Hung {
            return None;
        }
        let findings = execution.findings(scenario, options.profile).expect("a valid scenario");
        let choices = execution.choices().to_vec();
        findings.into_iter().find(fits).map(|finding| (finding, choices))
    })
}

fn minimised(bug: &Bug, scenario: &Scenario) -> Minimised {
    let (finding, choices) = hang(bug, scenario).unwrap_or_else(|| panic!("{} does not hang", bug.name));
    let options = Options { steps_max: STEPS, ..Options::default() };
    minimise(scenario, &finding, &choices, &options, &|| true).expect("the execution shows it")
}

/// What the table says of schedules is what a search through everything says.
#[test]
fn the_known_sizes_are_right() {
    let mut wrong = Vec::new();
    for bug in BUGS {
        let smallest = reference::smallest(&bare(bug), bug.rule, bug.links, 3);
        if smallest != Some((bug.deviations, bug.steps)) {
            wrong.push(format!("{}: {smallest:?}", bug.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn planted_bugs_come_out_as_small_as_they_are() {
    let mut wrong = Vec::new();
    for bug in BUGS {
        let bare = bare(bug);
        for seed in asked_for("RINGFENCE_MINIMISE_SEEDS").unwrap_or(0..3) {
            let minimised = minimised(bug, &noise::buried(&bare, seed));
            let size = (
                minimised.in_scenario.deviations.len(),
                minimised.in_scenario.steps,
                Size::of(&minimised.scenario),
            );
            if size != (bug.deviations, bug.steps, Size::of(&bare)) {
                let known = Size::of(&bare);
                let scenario = &minimised.scenario;
                wrong.push(format!("{} {seed}: {size:?} instead of {known:?}\n{scenario}", bug.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

/// Two threads of four take two locks in two orders, among much else.
#[test]
fn the_report_says_what_is_special() {
    let abba = &BUGS[0];
    let buried = noise::buried(&bare(abba), 1);
    let (mut finding, choices) = hang(abba, &buried).expect("it hangs");
    let options = Options { steps_max: STEPS, ..Options::default() };
    let minimised =
        minimise(&buried, &finding, &choices, &options, &|| true).expect("the execution shows it");
    minimised.tell(&buried, &mut finding);
    let text = ringfence::diag::render::finding(&finding, &TextOptions { style: Style::Plain, width: 100 });
    let code = [
        "Smallest scenario (2 of 4 threads, 8 of 34 statements):",
        "FIFO everywhere except: before step 1, two runs instead of one. Without that it does not show.",
        "  /* abba */",
        "  DEFINE_MUTEX(a);",
        "  DEFINE_MUTEX(b);",
        "  /* thread one */",
        "  void one(void)",
        "  {",
        "          mutex_lock(&a);",
        "          mutex_lock(&b);",
        "          mutex_unlock(&b);",
        "          mutex_unlock(&a);",
        "  }",
        "  /* thread two */",
    ];
    assert!(text.contains(&code.join("\n")), "{text}");
    let witness = finding.witness.as_ref().expect("it has one");
    let recorded = witness.schedule.parse().expect("a replay string");
    let again = Execution::replayed(&buried, &recorded, &ReplayOptions::default(), &|| true);
    let again = again.expect("it can be replayed");
    assert_eq!(again.steps(), witness.steps);
    let special = witness.deviations.as_ref().expect("it is minimised");
    let takes = |step: u64| &witness.steps[step as usize].context;
    assert!(special.iter().all(|deviation| *takes(deviation.step) == deviation.context), "{special:?}");
}
