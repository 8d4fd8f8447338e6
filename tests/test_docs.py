"""README.md and docs/: every ```python block runs, every ```console block shows what comes out.

The blocks of a page share a name space. A block after a line `<!-- not run -->` is left alone. A ```console
block has commands after `$ `; those that begin with `ringfence` are run in the root of the project and must
print exactly what follows them, standard output and standard error together. What a command shows may be
left out.
"""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.helper import COMMAND, ROOT, environment

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]


def blocks(page: Path, language: str) -> Iterator[tuple[int, str]]:
    """Line and text of each block that is run."""
    fence = re.compile(r"^```(\w*) *$")
    before, opened, start = "", None, 0
    lines: list[str] = []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        found = fence.match(line)
        if opened is None and found:
            skipped = before.strip() == "<!-- not run -->"
            opened, start, lines = "" if skipped else found[1], number + 1, []
        elif opened is not None and found:
            if opened == language:
                yield start, "\n".join(lines)
            opened = None
        elif opened is not None:
            lines.append(line)
        before = line


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block, with what it shows."""
    command, shown = "", ""
    for line in text.splitlines():
        if line.startswith("$ "):
            if command:
                yield command, shown
            command, shown = line.removeprefix("$ "), ""
        else:
            shown += f"{line}\n"
    if command:
        yield command, shown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_blocks_run(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names: dict[str, object] = {"__name__": "__docs__"}
    for line, text in blocks(page, "python"):
        # Empty lines in front, so that a traceback has the page's line.
        code = compile("\n" * (line - 1) + text, str(page), "exec")
        exec(code, names)  # noqa: S102 - our own documentation


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_console_blocks_show_what_comes_out(page: Path) -> None:
    for line, text in blocks(page, "console"):
        for command, shown in commands(text):
            if not command.startswith("ringfence"):
                continue
            result = subprocess.run(
                [str(COMMAND), *shlex.split(command)[1:]],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=60,
                cwd=ROOT,
                env=environment(),
                text=True,
            )
            place = f"{page}:{line}: $ {command}"
            assert result.returncode in {0, 1}, f"{place}\n{result.stdout}"
            if shown:
                assert result.stdout == shown, place


def test_blocks_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "a\n```python\nx = 1\n```\n<!-- not run -->\n```python\nx = 2\n```\n"
        "```console\n$ ringfence --version\nv\n$ ls\n```\n```\nplain\n```\n```python\nx = 3\n\ny = 4\n```\n",
        encoding="utf-8",
    )
    assert list(blocks(page, "python")) == [(3, "x = 1"), (18, "x = 3\n\ny = 4")]
    [(_, console)] = blocks(page, "console")
    assert list(commands(console)) == [("ringfence --version", "v\n"), ("ls", "")]


def test_readme_shows_what_its_program_prints(tmp_path: Path) -> None:
    readme = ROOT / "README.md"
    _, program = next(blocks(readme, "python"))
    _, shown = next(blocks(readme, "text"))
    (tmp_path / "submit.py").write_text(f"{program}\n", encoding="utf-8")
    printed = subprocess.run(
        [sys.executable, "submit.py"],
        check=True,
        timeout=60,
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    assert shown.endswith("\n…")
    assert printed.startswith(shown.removesuffix("…"))
