"""The registry of rules: every page has a scenario that breaks its rule, and one that breaks none."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.helper import ROOT

import ringfence as rf

BUDGET = 300
SOURCES = sorted((ROOT / "rust").glob("ringfence*/src/**/*.rs"))
TABLE = ROOT / "rust/ringfence-diag/src/rule/table.rs"
CODE = re.compile(r"\bRF\d{3}\b")


def blocks(rule: rf.Rule, section: str) -> dict[str, str]:
    """The code blocks of a section of a page, by language."""
    _, _, behind = rule.markdown.partition(f"\n## {section}\n")
    text, _, _ = behind.partition("\n## ")
    return dict(re.findall(r"^```(\w+)\n(.*?)\n```$", text, re.MULTILINE | re.DOTALL))


def scenarios() -> Iterator[tuple[rf.Rule, str]]:
    """Each rule with the section of each scenario that its page has."""
    for rule in rf.rules():
        for section in ("Bad", "Good"):
            if "python" in blocks(rule, section):
                yield rule, section


def build(rule: rf.Rule, section: str, folder: Path) -> rf.Scenario:
    """The one scenario of a block, run as the file that a reader would make of it."""
    file = folder / f"{rule.code}_{section.lower()}.py"
    file.write_text(blocks(rule, section)["python"] + "\n", encoding="utf-8")
    names: dict[str, object] = {"__name__": file.stem}
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), names)  # noqa: S102 - our own documentation
    [scenario] = [value for value in names.values() if isinstance(value, rf.Scenario)]
    return scenario


@pytest.mark.parametrize(
    ("rule", "section"), list(scenarios()), ids=lambda value: getattr(value, "code", value)
)
def test_scenarios_of_the_pages(rule: rf.Rule, section: str, tmp_path: Path) -> None:
    report = rf.check(build(rule, section, tmp_path), budget=BUDGET)
    livelock = (rule.code, section) == ("RF702", "Bad")
    assert livelock == (report.bound != 0), "executions were cut off, or those of a livelock were not"
    expected = {rule.code} if section == "Bad" else set()
    assert {finding.rule for finding in report.findings} == expected, str(report)
    for finding in report.findings:
        assert finding.name == rule.name
        assert finding.location is not None, f"nobody finds the place:\n{finding}"
        assert finding.schedule is not None, f"nothing to replay:\n{finding}"
        assert finding.count <= report.executions
        assert rule.fixes[0] in re.sub(r"\s+", " ", finding.text(100))


@pytest.mark.parametrize("rule", rf.rules(), ids=lambda rule: rule.code)
def test_a_rule_has_a_bad_and_a_good_example(rule: rf.Rule) -> None:
    bad, good = blocks(rule, "Bad"), blocks(rule, "Good")
    assert bad.keys() & {"python", "json"}
    assert good.keys() == bad.keys()
    for block in (bad, good):
        if "python" in block:
            assert block["python"].startswith("import ringfence as rf\n")
            assert len(block["python"].splitlines()) <= 40
            compile(block["python"], rule.code, "exec")


def test_a_rule_that_only_traces_show_is_the_validator_s() -> None:
    without = {rule.code for rule in rf.rules() if "python" not in blocks(rule, "Bad")}
    assert all(code.startswith("RF6") for code in without)


def test_every_code_in_the_sources_is_registered_and_the_other_way_round() -> None:
    registered = {rule.code for rule in rf.rules()}
    mentioned: set[str] = set()
    reported: set[str] = set()
    for source in SOURCES:
        if source == TABLE:
            continue
        text = source.read_text(encoding="utf-8")
        mentioned |= set(CODE.findall(text))
        reported |= set(re.findall(r'"(RF\d{3})"', text))
    assert mentioned <= registered
    assert registered <= reported
