"""Terminals, pipes and signals."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from tests.helper import (
    CIRCLE,
    CLEAN,
    COMMAND,
    CONFORMANCE,
    INTERRUPTIBLE,
    TWICE,
    environment,
    invoke,
    lines,
    on_terminal,
    run,
)

ESCAPE = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "traces.jsonl"
    path.write_bytes(lines(CLEAN, TWICE, CIRCLE))
    return path


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_fits_the_terminal(file: Path, columns: int) -> None:
    for arguments in (
        ["lockdep", file.name],
        ["lockdep", "--explain", "circle", file.name],
        ["rules"],
        ["explain", "RF601"],
    ):
        shown = subprocess.run(
            [str(COMMAND), *arguments],
            capture_output=True,
            check=False,
            timeout=60,
            cwd=file.parent,
            env=environment(COLUMNS=str(columns)),
            text=True,
        )
        if arguments[0] != "explain":  # Markdown as it is, elsewhere than on a terminal
            body = [
                line
                for line in shown.stdout.splitlines()
                if "ringfence lockdep" not in line and "traces have" not in line and ": circle:" not in line
            ]
            assert max(map(len, body)) <= columns


def test_colours_on_a_terminal(file: Path) -> None:
    shown = on_terminal("lockdep", "--explain", "circle", file)
    assert ESCAPE.search(shown)
    assert b"RF601" in shown


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
def test_no_colours_where_they_are_not_wanted(file: Path, env: dict[str, str]) -> None:
    for arguments in (
        ["lockdep", "--explain", "circle", file],
        ["lockdep", file],
        ["rules"],
        ["explain", "RF602"],
    ):
        shown = on_terminal(*arguments, **env)
        assert b"RF60" in shown
        assert b"\x1b[3" not in shown
        assert b"\x1b[1m" not in shown


def test_no_escapes_in_a_file(file: Path) -> None:
    for arguments in (
        ["lockdep", "--explain", "circle", file],
        ["lockdep", file],
        ["lockdep", "--check", file],
        ["rules"],
        ["explain", "RF601"],
    ):
        result = run(*arguments)
        assert b"\x1b" not in result.stdout + result.stderr
        assert b"\r" not in result.stdout + result.stderr


def test_progress_only_on_a_terminal() -> None:
    file = CONFORMANCE / "random-read.jsonl.xz"
    shown = on_terminal("lockdep", "--check", file)
    assert b"\x1b[2K" in shown
    assert b"23998 of 23998 agree" in shown
    assert run("lockdep", "--check", file).stderr == b""


def test_ascii_terminal(file: Path) -> None:
    for arguments in (
        ["lockdep", file],
        ["lockdep", "--explain", "circle", file],
        ["explain", "RF601"],
        ["rules"],
    ):
        result = run(*arguments, env={"PYTHONIOENCODING": "ascii"})
        assert b"Traceback" not in result.stderr
        assert result.stdout.isascii()


def interruptible(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*INTERRUPTIBLE, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )


def test_interrupt_while_waiting_for_input_keeps_what_was_found() -> None:
    with interruptible("lockdep", "--json", "-") as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(lines(CLEAN, TWICE))
        process.stdin.flush()
        assert [process.stdout.readline(), process.stdout.readline()] == [
            b'{"id":"clean","verdict":null}\n',
            b'{"id":"twice","verdict":{"at":1,"kind":"recursive"}}\n',
        ]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (out, process.returncode) == (b"", 130)
    assert err == b"interrupted after 2 traces\n"


@pytest.mark.parametrize("options", [[], ["--check"]], ids=["summary", "check"])
def test_interrupted_table_is_marked(options: list[str]) -> None:
    with interruptible("lockdep", *options, "-") as process:
        assert process.stdin
        assert process.stderr
        process.stdin.write(lines({**CLEAN, "verdict": None}, {**TWICE, "verdict": None}, "bad"))
        process.stdin.flush()
        assert process.stderr.readline().startswith(b"<stdin>:3: ")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"interrupted after 2 traces" in out
    assert (b"1 of 2 agree" if options else b"1 of 2 traces have findings") in out
    assert err == b""


def test_live_input_is_decided_at_once() -> None:
    """Traces that are piped in one by one come out one by one."""
    with interruptible("lockdep", "--json", "-") as process:
        assert process.stdin
        assert process.stdout
        for number in range(3):
            process.stdin.write(lines({**CLEAN, "id": f"t{number}"}))
            process.stdin.flush()
            assert process.stdout.readline() == b'{"id":"t%d","verdict":null}\n' % number
        out, err = process.communicate(timeout=60)
    assert (out, err, process.returncode) == (b"", b"", 0)


@pytest.mark.parametrize("options", [["--json"], ["--check"], [], ["--explain", "train-01274"]])
def test_reader_that_goes_away(options: list[str]) -> None:
    command = [str(COMMAND), "lockdep", *options, str(CONFORMANCE / "random-read.jsonl.xz")]
    ours, theirs = os.pipe()
    with subprocess.Popen(command, stdout=theirs, stderr=subprocess.PIPE, env=environment()) as process:
        os.close(theirs)
        if options == ["--json"]:
            assert os.read(ours, 1)
        os.close(ours)
        _, err = process.communicate(timeout=60)
    assert err == b""
    assert process.returncode == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_full_disk_is_told_in_a_line(file: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(
            [str(COMMAND), "lockdep", "--json", str(file)],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert result.returncode == 2
    assert b"No space left" in result.stderr
    assert b"Traceback" not in result.stderr


def test_help() -> None:
    bare = invoke()
    assert bare.exit_code == 0
    assert bare.stdout == invoke("--help").stdout
    for command in ("check", "conformance", "lockdep", "rules", "explain"):
        assert command in bare.stdout
        assert invoke(command, "--help").exit_code == 0
        assert invoke(command, "-h").exit_code == 0
    assert "Did you mean 'lockdep'?" in invoke("lockdpe").stderr


def test_rules_and_explain() -> None:
    listed = invoke("rules")
    assert listed.exit_code == 0
    assert "RF601  circular-dependency" in listed.stdout
    page = invoke("explain", "RF601")
    assert page.exit_code == 0
    assert page.stdout.startswith("# RF601 circular-dependency\n")
    assert invoke("explain", "rf601").stdout == page.stdout
    assert invoke("explain", "circular-dependency").stdout == page.stdout
    both = invoke("explain", "RF601", "RF602").stdout
    assert both.startswith(page.stdout)
    assert "# RF602" in both
    laid_out = invoke("explain", "RF601", "--width", 60).stdout
    assert max(map(len, laid_out.splitlines())) <= 60
    assert "acquire vm->lock  <- circular" in laid_out
    unknown = invoke("explain", "RF699")
    assert unknown.exit_code == 2
    assert "no rule has the code or name 'RF699'. Did you mean RF60" in unknown.stderr


def test_every_rule_page_is_laid_out() -> None:
    import ringfence

    for rule in ringfence.rules():
        shown = invoke("explain", rule.code, "--width", 40)
        assert shown.exit_code == 0
        assert max(map(len, shown.stdout.splitlines())) <= 40


def test_small_json_starts_without_rich(file: Path) -> None:
    """What takes longest to import is not needed for it."""
    code = (
        "import sys; from ringfence._cli import main\n"
        f"try: main(['lockdep', '--json', {str(file)!r}])\n"
        "except SystemExit: sys.exit('rich' in sys.modules or 'ringfence.lockdep' in sys.modules)"
    )
    result = subprocess.run([INTERRUPTIBLE[0], "-c", code], capture_output=True, check=False, timeout=60)
    assert result.returncode == 0, result.stderr


def test_interrupt_finishes_the_line() -> None:
    """Whenever it comes: no half line, and the count is that of what was shown."""
    file = str(CONFORMANCE / "random-read.jsonl.xz")
    command = [*INTERRUPTIBLE, "lockdep", "--json", *[file] * 40]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0, env=environment()
    ) as process:
        assert process.stdout
        first = process.stdout.read(100)
        process.send_signal(signal.SIGINT)
        rest, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (first + rest).endswith(b"}\n")
    assert err.startswith(b"interrupted after %d traces (" % (first + rest).count(b"\n"))
