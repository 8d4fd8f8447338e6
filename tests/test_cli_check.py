"""`ringfence check`: scenarios of files, on the command line."""

import json
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest
from tests.helper import COMMAND, INTERRUPTIBLE, environment, invoke, on_terminal, run

import ringfence as rf

ABBA = """
import ringfence as rf

@rf.scenario
def abba(k):
    a, b = k.mutex("a"), k.mutex("b")

    def take(first, second):
        def both(t):
            with t.mutex_lock(first), t.mutex_lock(second):
                pass
        return both

    k.thread("one", take(a, b))
    k.thread("two", take(b, a))
"""
FINE = """
@rf.scenario
def fine(k):
    lock = k.mutex("lock")

    @k.thread("client")
    def client(t):
        with t.mutex_lock(lock):
            t.cond_resched()
"""
BUSY = """
import ringfence as rf

@rf.scenario
def busy(k):
    cell = k.cell("cell")

    @k.thread("spinner")
    def spinner(t):
        with t.while_(lambda: t.read_once(cell) == 0):
            t.cond_resched()
"""
FINE_REPORT = "fine: nothing found in 3 executions, 9 steps, which stand for all there are\n"
HEADLINE = re.compile(r"^(RF\d+) .*: (CONFIRMED|PREDICTED)$", re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that the command runs in, with files of scenarios."""
    (tmp_path / "both.py").write_text(ABBA + FINE)
    (tmp_path / "abba.py").write_text(ABBA)
    (tmp_path / "fine.py").write_text("import ringfence as rf\n" + FINE)
    (tmp_path / "busy.py").write_text(BUSY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(out: str) -> list[str]:
    """The scenarios of a report, by their last lines."""
    return re.findall(r"^(\S+): (?:nothing|\d+ findings?) (?:found )?in \d+ executions", out, re.MULTILINE)


def check(*arguments: object) -> tuple[int, str, str]:
    """Exit status, output, errors; few executions, so that it is quick."""
    result = invoke("check", "--budget", 50, *arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stdout, result.stderr


def test_a_file(folder: Path) -> None:
    status, out, err = check("both.py")
    assert (status, err) == (1, "")
    assert HEADLINE.findall(out) == [("RF601", "CONFIRMED")]
    assert names(out) == ["abba", "fine"]
    assert "at both (both.py:10), " in out
    assert out.endswith(f"\n{FINE_REPORT}\n1 of 2 scenarios have findings\n")


def test_one_scenario(folder: Path) -> None:
    status, out, err = check("both.py::fine")
    assert (status, out, err) == (0, FINE_REPORT, "")
    status, out, err = check("both.py::abba")
    assert (status, names(out), err) == (1, ["abba"], "")
    assert "scenarios have" not in out


def test_the_command_that_is_shown_shows_it_again(folder: Path) -> None:
    odd = folder / "it's odd.py"
    odd.write_text(ABBA)
    for options in ([], ["--profile", "5.9", "--set", "raw_lock_nesting=off", "--steps", "500"]):
        _, out, _ = check(odd.name, *options)
        [command] = re.findall(r"^Again: (.+)$", out, re.MULTILINE)
        words = shlex.split(command)
        assert words[:3] == ["ringfence", "replay", "it's odd.py::abba"]
        # Whatever else there is to say is in the string.
        assert re.fullmatch(r"rf1:\w+", words[3])
        assert len(words) == 4
        again = invoke(*words[1:])
        assert (again.exit_code, again.stderr) == (1, "")
        assert "\nhung after " in again.stdout
        assert HEADLINE.findall(again.stdout) == [("RF601", "CONFIRMED")]
        assert again.stdout.endswith(f"abba: 1 finding in this execution\nAgain: {command}\n")


@pytest.mark.parametrize("schedule", ["", "run-to-completion", "round-robin", "random:1", "0,1", "1"])
def test_schedule_runs_one_execution(folder: Path, schedule: str) -> None:
    result = invoke("check", "both.py::fine", "--schedule", schedule) if schedule != "1" else None
    if result is not None and schedule != "0,1":
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout.splitlines()[0].split()[:3] == ["0", "client", "mutex_lock(lock)"]
        expected = r"\nfinished after 3 steps\n\nfine: no findings in this execution\nAgain: .* rf1:\w+\n"
        assert re.search(f"{expected}$", result.stdout)
    shown = invoke("check", "both.py::abba", "--schedule", schedule, "--json")
    [line] = shown.stdout.splitlines()
    item = json.loads(line)
    assert item["target"] == "both.py::abba"
    assert item["end"] in {"finished", "hung"}
    assert shown.exit_code == int(bool(item["findings"]))
    again = json.loads(invoke("check", "both.py::abba", "--schedule", item["schedule"], "--json").stdout)
    assert again.pop("replay")["fits"]
    assert again == item


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["both.py", "--schedule", "0"],
            "--schedule runs one scenario; name one of both.py::abba, both.py::fine",
        ),
        (["abba.py", "--schedule", "0,1,0,x"], "`0,1,0,x` is no schedule; expected choices such as 0,1,0"),
        (
            ["abba.py", "--schedule", "9"],
            "choice 0 of the schedule is 9, but what is possible there is 0 to 1",
        ),
        (["abba.py", "--budget", "-1"], "range"),
        (["abba.py", "--budget", "many"], "not a valid integer"),
        (["abba.py", "--steps", "0"], "range"),
        (["abba.py", "--seed", str(1 << 64)], "seed=18446744073709551616: expected a number from 0 to"),
        (["abba.py", "--jobs", "100000"], "range"),
        (["abba.py", "--profile", "6.21"], "unknown profile '6.21'; expected one of 5.9, 6.12, next."),
        (["abba.py", "--set", "mmu_notifer=off"], "Did you mean mmu_notifier"),
        (["abba.py", "--width", "5"], "range"),
        (["abba.py", "--jsn"], "'--json'"),
        ([], "Missing argument 'FILE[::NAME]...'"),
    ],
)
def test_bad_arguments(folder: Path, arguments: list[str], words: str) -> None:
    status, out, err = check(*arguments)
    assert (status, out) == (2, "")
    assert words in " ".join(err.split())


def test_json(folder: Path) -> None:
    status, out, err = check("fine.py", "--json", "both.py")
    assert (status, err) == (1, "")
    items = [json.loads(line) for line in out.splitlines()]
    assert [item["target"] for item in items] == ["fine.py::fine", "both.py::abba", "both.py::fine"]
    assert [[finding["rule"] for finding in item["findings"]] for item in items] == [[], ["RF601"], []]
    report = rf.Report.from_json(
        json.dumps({key: value for key, value in items[1].items() if key != "target"})
    )
    assert report.rules == ["RF601"]


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_output_does_not_depend_on_jobs(folder: Path, options: list[str]) -> None:
    outs = {invoke("check", "both.py", *options, "--jobs", jobs).stdout for jobs in (1, 2, 4)}
    assert len(outs) == 1


def test_a_strategy_that_there_is_not_is_told_once(folder: Path) -> None:
    status, out, err = check("both.py", "--strategy", "dport")
    assert (status, out) == (2, "")
    assert err.count("'dport'") == 1
    assert err.endswith("or pct:DEPTH (1 to 64); did you mean 'dpor'?\n")
    status, out, err = check("both.py", "--budget", 1 << 64)
    assert (status, out, err.count("budget=")) == (2, "", 1)


def test_the_end_of_its_time_ends_only_one_check(folder: Path) -> None:
    options = ["--strategy", "random", "--budget", 1 << 60, "--time", 0.3]
    status, out, err = check("both.py", *options)
    assert (status, err) == (1, "")
    assert re.search(r"^abba: 1 finding in \d+ executions, .*interrupted$", out, re.MULTILINE)
    assert re.search(r"^fine: nothing found in \d+ executions, .*interrupted$", out, re.MULTILINE)
    assert out.endswith("\n1 of 2 scenarios have findings\n")


def test_seed_and_steps(folder: Path) -> None:
    options = ["abba.py", "--json", "--strategy", "random", "--seed"]
    first, other, same = (json.loads(check(*options, seed)[1]) for seed in (0, 1, 0))
    assert first == same != other
    status, out, _ = check("busy.py", "--steps", 20, "--strategy", "random")
    assert status == 0
    assert "52 executions were cut off after 20 steps" in out


def test_profile(folder: Path) -> None:
    """Without the MMU notifiers, GFP_NOFS in a section breaks nothing that lockdep knows."""
    (folder / "nofs.py").write_text(
        "import ringfence as rf\n"
        "@rf.scenario\n"
        "def nofs(k):\n"
        "    flip = k.dma_fence('flip', timeline=k.timeline('crtc'))\n"
        "    @k.thread('worker')\n"
        "    def worker(t):\n"
        "        with t.dma_fence_signalling():\n"
        "            t.kfree(t.kmalloc(rf.GFP_NOFS))\n"
        "            t.dma_fence_signal(flip)\n"
    )
    assert HEADLINE.findall(check("nofs.py")[1])
    assert not HEADLINE.findall(check("nofs.py", "--set", "mmu_notifier=off")[1])


def test_a_scenario_under_two_names_is_run_once(folder: Path) -> None:
    (folder / "alias.py").write_text(ABBA + "\nagain = abba\nother = abba.with_()\n")
    assert names(check("alias.py")[1]) == ["abba", "abba[]"]
    assert names(check("alias.py::again")[1]) == ["abba"]
    assert names(check("alias.py", "alias.py::again", "alias.py::abba", "alias.py")[1]) == ["abba", "abba[]"]


def test_imported_scenarios_are_only_run_if_named(folder: Path) -> None:
    (folder / "imports.py").write_text("from abba import abba\nfrom both import *\n" + FINE)
    status, out, err = check("imports.py")
    assert (status, names(out), err) == (0, ["fine"], "")
    assert names(check("imports.py::abba")[1]) == ["abba"]
    (folder / "only.py").write_text("from abba import abba\n")
    status, out, err = check("only.py")
    assert (status, out) == (2, "")
    assert err == "only.py: it has no scenario of its own, only imported ones; name them: only.py::abba\n"


def test_what_a_file_makes_of_an_imported_one_is_its_own(folder: Path) -> None:
    (folder / "derived.py").write_text(
        "import ringfence as rf\nimport shared\n"
        "one = rf.scenario(name='one')(shared.describe)\ntwo = shared.base.with_(turns=2)\n"
    )
    (folder / "shared.py").write_text(
        "import ringfence as rf\n"
        "def describe(k, *, turns=1):\n"
        "    @k.thread('t')\n"
        "    def t(t):\n"
        "        for _ in range(turns): t.cond_resched()\n"
        "base = rf.scenario(describe)\n"
    )
    status, out, err = check("derived.py", "--json")
    assert (status, err) == (0, "")
    assert [json.loads(line)["target"] for line in out.splitlines()] == ["derived.py::one", "derived.py::two"]


BROKEN = """
@rf.scenario
def divides(k):
    1 / 0

@rf.scenario
def misspelt(k):
    @k.thread("client")
    def client(t):
        t.mutex_lok()
"""


def test_what_cant_be_built_is_told_and_the_others_run(folder: Path) -> None:
    (folder / "mixed.py").write_text(ABBA + BROKEN + FINE)
    line = len(ABBA.splitlines()) + 4
    for options in ([], ["--json"]):
        status, out, err = check("mixed.py", *options)
        assert status == 2
        assert err.splitlines() == [
            f"mixed.py:{line}: ZeroDivisionError: division by zero",
            f"mixed.py:{line + 6}: t.mutex_lok: there is no such call; did you mean t.mutex_lock()?",
        ]
        if options:
            assert [json.loads(text)["scenario"] for text in out.splitlines()] == ["abba", "fine"]
        else:
            assert names(out) == ["abba", "fine"]
            assert out.endswith("\n1 of 2 scenarios have findings; 2 could not be checked\n")


FILES: dict[str, tuple[str | bytes, str]] = {
    "syntax.py": ("x = (\n", "syntax.py:1: SyntaxError: '(' was never closed"),
    "raises.py": ("\nraise KeyError('k')\n", "raises.py:2: KeyError: 'k'"),
    "exits.py": ("import sys\nsys.exit(3)\n", "exits.py:2: SystemExit: 3"),
    "deep.py": ("def f(): f()\nf()\n", "deep.py:1: RecursionError: maximum recursion depth exceeded"),
    "import.py": ("import nothing_of_this_name\n", "import.py:1: ModuleNotFoundError: No module named"),
    "relative.py": ("from . import x\n", "relative.py:1: ImportError: attempted relative import"),
    "none.py": (
        "x = 1\n",
        "none.py: no scenario in it; expected functions decorated with @ringfence.scenario",
    ),
    "bytes.py": (b"\xff\xfe\n", "SyntaxError: "),
    "nul.py": (b"x = 1\0\n", "source code string cannot contain null bytes"),
    "text.txt": ("abc", "text.txt: expected a Python file (.py), or a scenario as JSON (.json)"),
    "empty.json": ("", "empty.json: line 1, column 0: not JSON: "),
    "other.json": ("[]", "other.json: "),
    "bytes.json": (b"\xff", "bytes.json: not UTF-8: invalid start byte at byte 0"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cant_be_used_is_told_and_the_others_run(folder: Path, name: str) -> None:
    text, words = FILES[name]
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    status, out, err = check("abba.py", name, "fine.py")
    assert (status, names(out)) == (2, ["abba", "fine"])
    [message] = err.splitlines()
    assert words in message
    assert message.startswith(name) or name == "nul.py"


def test_files_and_names_that_are_not_there(folder: Path) -> None:
    status, out, err = check("missing.py", ".", "abba.py::aba", "missing.json", "fine.py::", "fine.py")
    assert (status, names(out)) == (2, ["fine"])
    assert err.splitlines() == [
        "missing.py: no such file",
        ".: not a file",
        "abba.py: no scenario 'aba' in it. Did you mean abba? It has abba",
        "missing.json: no such file",
    ]


def test_json_files(folder: Path) -> None:
    @rf.scenario
    def stored(k: rf.Kernel) -> None:
        lock = k.mutex("lock")

        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            t.mutex_lock(lock)
            t.mutex_lock(lock)

    (folder / "stored.json").write_text(stored.to_json())
    status, out, err = check("stored.json", "stored.json::stored")
    assert (status, names(out), err) == (1, ["stored"], "")
    assert ("RF602", "CONFIRMED") in HEADLINE.findall(out)
    (folder / "changed.json").write_text(stored.to_json().replace('"mutex_lock"', '"mutex_lok"', 1))
    status, out, err = check("changed.json")
    assert (status, out) == (2, "")
    assert err.startswith("changed.json: ")
    assert "mutex_lok" in err


def test_a_file_finds_what_is_beside_it(folder: Path) -> None:
    """Also while a scenario is being built, and without leaving a trace in sys.path."""
    beside = folder / "sub"
    beside.mkdir()
    (beside / "helper_of_sub.py").write_text("print('imported')\nTURNS = 2\n")
    (beside / "late.py").write_text(
        "import ringfence as rf\n"
        "@rf.scenario\n"
        "def late(k):\n"
        "    from helper_of_sub import TURNS\n"
        "    print('built')\n"
        "    @k.thread('t')\n"
        "    def t(t):\n"
        "        for _ in range(TURNS): t.cond_resched()\n"
    )
    result = run("check", "sub/late.py", "--json", "--budget", 3, cwd=folder)
    assert result.returncode == 0
    # What the file prints is kept out of the way of those who read the output.
    assert result.stderr == b"imported\nbuilt\n"
    assert json.loads(result.stdout)["scenario"] == "late"


def test_two_files_of_one_name(folder: Path) -> None:
    for name, text in (("one", ABBA), ("two", "import ringfence as rf\n" + FINE)):
        (folder / name).mkdir()
        (folder / name / "same.py").write_text(text)
    status, out, err = check("one/same.py", "two/same.py")
    assert (status, names(out), err) == (1, ["abba", "fine"], "")


@pytest.mark.parametrize("columns", [40, 60, 100])
def test_fits_the_width(folder: Path, columns: int) -> None:
    for arguments in (["both.py", "--budget", "20"], ["both.py::abba", "--schedule", "0,1"]):
        by_option = run("check", *arguments, "--width", columns, cwd=folder).stdout.decode()
        by_terminal = run("check", *arguments, cwd=folder, env={"COLUMNS": str(columns)}).stdout.decode()
        assert by_option == by_terminal
        lines = [
            line for line in by_option.splitlines() if not re.match(r"Again: |\w+: |hung|finished", line)
        ]
        assert max(map(len, lines)) <= columns
        assert "\x1b" not in by_option
        assert "\r" not in by_option


def test_colours_only_on_a_terminal_that_wants_them(folder: Path) -> None:
    path = folder / "abba.py"
    coloured = on_terminal("check", path, "--budget", 20)
    assert b"\x1b[1m" in coloured
    assert b"RF601" in coloured
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        plain = on_terminal("check", path, "--budget", 20, **env)
        assert b"RF601" in plain
        assert b"\x1b[1m" not in plain
        assert b"\x1b[3" not in plain


def test_progress_on_a_terminal_if_it_takes_long(folder: Path) -> None:
    """A bar comes after a tenth of a second, and goes away again."""
    slow = on_terminal("check", folder / "abba.py", "--strategy", "random", "--budget", 3_000_000)
    assert b"executions" in slow.split(b"RF601")[0]
    assert b"\x1b[2K" in slow
    quick = on_terminal("check", folder / "abba.py", "--budget", 5, NO_COLOR="1")
    assert b"\x1b[2K" not in quick
    assert run("check", folder / "abba.py", "--strategy", "random", "--budget", 3_000_000).stderr == b""


def test_ascii_terminal(folder: Path) -> None:
    (folder / "name.py").write_text(ABBA.replace('"one"', '"größer"'), encoding="utf-8")
    result = run("check", "name.py", cwd=folder, env={"PYTHONIOENCODING": "ascii"})
    assert result.returncode == 1
    assert result.stdout.isascii()
    assert b"Traceback" not in result.stderr


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_interrupt_prints_what_was_found(folder: Path, options: list[str]) -> None:

    more = ["--strategy", "random", "--budget", str(1 << 40), "--steps", str(1 << 40)]
    command = [*INTERRUPTIBLE, "check", "abba.py", "fine.py", *options, *more]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder, env=environment(), text=True
    ) as process:
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    if options:
        [item] = map(json.loads, out.splitlines())
        assert item["interrupted"]
        assert [finding["rule"] for finding in item["findings"]] == ["RF601"]
    else:
        assert HEADLINE.findall(out) == [("RF601", "CONFIRMED")]
        assert re.search(r"^abba: 1 finding in \d+ executions, \d+ steps; interrupted\n$", out, re.MULTILINE)
    assert "fine" not in out


def test_reader_that_goes_away(folder: Path) -> None:
    command = [str(COMMAND), "check", *["both.py", "abba.py"] * 3, "--budget", "2000"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder, env=environment(), bufsize=0
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        err = process.stderr.read()
        process.wait(timeout=60)
    assert (err, process.returncode) == (b"", 141)
