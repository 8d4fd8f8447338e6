"""``ringfence rules`` and ``ringfence explain``: every rule and page, on narrow and wide terminals."""

import re

import pytest
from tests.helper import invoke

import ringfence as rf

WIDTHS = [60, 80, 100]
SECTIONS = ["What it does", "Why is this bad?", "Bad", "Good", "How to fix", "Where it comes from"]


def words(text: str) -> list[str]:
    return text.split()


def code(markdown: str) -> list[str]:
    """The lines of all scenarios of a page."""
    blocks = re.findall(r"^```python\n(.*?)\n```$", markdown, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


@pytest.mark.parametrize("width", WIDTHS)
def test_all_rules_are_listed(width: int) -> None:
    result = invoke("rules", "--width", width)
    assert result.exit_code == 0
    shown = result.stdout.splitlines()
    assert max(map(len, shown)) <= width
    heads = [line.split() for line in shown if line.startswith("RF")]
    assert heads == [[rule.code, rule.name] for rule in rf.rules()]
    for rule in rf.rules():
        assert " ".join(words(rule.summary)) in " ".join(words(result.stdout))


@pytest.mark.parametrize("width", WIDTHS)
def test_pages_are_laid_out(width: int) -> None:
    result = invoke("explain", *(rule.code for rule in rf.rules()), "--width", width)
    assert result.exit_code == 0
    shown = result.stdout.splitlines()
    assert max(map(len, shown)) <= width
    stripped = [line.strip() for line in shown]
    for section in SECTIONS:
        assert stripped.count(section) == len(rf.rules()), section
    assert "```" not in result.stdout
    assert [line for line in stripped if re.fullmatch(r"RF\d{3} [a-z-]+", line)] == [
        f"{rule.code} {rule.name}" for rule in rf.rules()
    ]


def test_scenarios_keep_their_lines_where_there_is_room() -> None:
    for rule in rf.rules():
        shown = [line.rstrip() for line in invoke("explain", rule.code, "--width", 100).stdout.splitlines()]
        for line in code(rule.markdown):
            assert f" {line}" in shown, rule.code


def test_a_page_in_a_file_is_markdown() -> None:
    for rule in rf.rules():
        assert invoke("explain", rule.name).stdout == rule.markdown


def test_fixes_come_with_a_rule() -> None:
    for rule in rf.rules():
        assert rule.fixes
        assert all(fix == fix.strip() != "" for fix in rule.fixes)


def test_a_wrong_name_is_told_apart_from_a_close_one() -> None:
    close = invoke("explain", "resv-lock-in-sections")
    assert close.exit_code == 2
    assert "Did you mean resv-lock-in-section" in close.stderr
    far = invoke("explain", "zzzzzz")
    assert far.exit_code == 2
    assert "ringfence rules" in far.stderr
