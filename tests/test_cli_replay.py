"""`ringfence replay`: an execution again, whole, in part, or one step at a time."""

import json
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest
from tests.helper import COMMAND, INTERRUPTIBLE, environment, invoke, run
from tests.test_cli_check import ABBA, FINE

BODY = "with t.mutex_lock(first), t.mutex_lock(second):\n                pass\n"
LONG = ABBA.replace(
    BODY,
    """with t.mutex_lock(first):
                t.cond_resched()
                t.cond_resched()
                with t.mutex_lock(second):
                    pass
""",
)
ONE_ORDER = LONG.replace("take(a, b)", "take(b, a)")
FLIP = """
import ringfence as rf

@rf.scenario
def flip(k):
    bo = k.dma_resv("bo")
    fence = k.dma_fence("flip", timeline=k.timeline("crtc-0"))

    @k.work("commit_work")
    def commit_tail(t):
        with t.dma_fence_signalling():
            with t.dma_resv_lock(bo):
                pass
            t.dma_fence_signal(fence)

    @k.thread("client")
    def client(t):
        with t.dma_resv_lock(bo):
            t.dma_resv_reserve_fences(bo, 1)
            t.dma_resv_add_fence(bo, fence, rf.WRITE)
        t.schedule_work(commit_tail)
"""
SUMMARY = "enter: next, p: back, NUMBER: go there, w: world, q: quit, ?: help"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that the command runs in, with files of scenarios."""
    (tmp_path / "abba.py").write_text(ABBA)
    (tmp_path / "both.py").write_text(ABBA + FINE)
    (tmp_path / "long.py").write_text(LONG)
    (tmp_path / "fixed.py").write_text(ONE_ORDER)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def string(folder: Path) -> str:
    """Of the deadlock in it."""
    out = invoke("check", "abba.py", "--schedule", "round-robin").stdout
    return out.split()[-1]


def replay(*arguments: object, commands: str = "") -> tuple[int, str, str]:
    """Exit status, output, errors."""
    result = invoke("replay", *arguments, stdin=commands.encode())
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stdout, result.stderr


def test_the_same_again(string: str) -> None:
    assert re.fullmatch(r"rf1:[0-9a-z]{20,40}", string)
    status, out, err = replay("abba.py", string)
    assert (status, err) == (1, "")
    assert out.splitlines()[0].split()[:3] == ["0", "one", "mutex_lock(a)"]
    assert "\n\nreplayed: the same steps and events as recorded\n\nRF601 " in out
    assert out.endswith(
        f"\nabba: 1 finding in this execution\nAgain: ringfence replay abba.py::abba {string}\n"
    )
    assert replay("both.py::abba", string)[0] == 1


def test_what_only_the_contract_shows(folder: Path) -> None:
    (folder / "flip.py").write_text(FLIP)
    out = invoke("check", "flip.py", "--budget", 100).stdout
    again = out.splitlines()[-3]
    assert again.startswith("Again: ringfence replay flip.py::flip --contract rf1:")
    command, string = shlex.split(again)[3:], again.split()[-1]
    status, out, err = replay(*command)
    assert (status, err) == (1, "")
    assert "\n\nreplayed: the same steps and events as recorded\n\nRF301 " in out
    assert out.endswith(f"\nflip: 1 finding in this execution\n{again}\n")
    assert replay(*command, "--step", commands="q\n")[1].endswith(f"{again}\n")
    status, out, err = replay("flip.py", string)
    assert "\nthe scenario was edited since this was recorded;" in out
    assert err == "This was recorded with everything that the contract allows others: add --contract.\n"
    for more in (["--contract"], ["--steps", 1]):
        assert replay("flip.py", string, *more)[2] == ""


def test_json(string: str) -> None:
    status, out, err = replay("abba.py", string, "--json")
    assert (status, err) == (1, "")
    [line] = out.splitlines()
    item = json.loads(line)
    assert (item["target"], item["end"], item["schedule"]) == ("abba.py::abba", "hung", string)
    assert item["replay"] == {
        "fits": True,
        "stopped_at": None,
        "remark": "replayed: the same steps and events as recorded",
    }


def test_every_report_ends_with_its_command(folder: Path) -> None:
    out = invoke("check", "abba.py", "--budget", "50").stdout
    report, _, summary = out.rpartition("\n\n")
    assert summary.startswith("abba: 1 finding in")
    command = shlex.split(report.splitlines()[-1])
    assert command[:4] == ["Again:", "ringfence", "replay", "abba.py::abba"]
    assert replay(*command[3:])[0] == 1


def test_a_beginning_and_then_a_strategy(string: str) -> None:
    status, out, err = replay("abba.py", string, "--steps", 1)
    assert (status, err) == (0, "")
    assert "\ncut off after 1 steps\n\nreplayed: the first 1 of 4 recorded steps\n" in out
    status, out, err = replay("abba.py", string, "--steps", 1, "--then", "run-to-completion")
    assert err == ""
    assert "\nfinished after " in out
    again = out.split()[-1]
    assert again != string
    assert "\nfinished after " in replay("abba.py", again)[1]


def test_an_edited_scenario(folder: Path) -> None:
    string = invoke("check", "long.py", "--schedule", "1,1,0,1,0").stdout.split()[-1]
    status, out, err = replay("fixed.py", string)
    assert (status, err) == (0, "")
    expected = (
        "the scenario was edited since this was recorded; the recording fits up to step 4: there one was to "
        "go on, which is not possible"
    )
    assert expected in " ".join(out.split())
    assert "\ncut off after 4 steps\n" in out
    status, out, err = replay("fixed.py", string, "--then", "random:3", "--json")
    assert (status, err) == (0, "")
    item = json.loads(out)
    assert (item["end"], item["replay"]["fits"], item["replay"]["stopped_at"]) == ("finished", False, 4)
    assert item["replay"]["remark"] == expected
    # Of the short one, all that was chosen is possible.
    short = invoke("check", "abba.py", "--schedule", "round-robin").stdout.split()[-1]
    status, out, err = replay("fixed.py", short)
    assert (status, err) == (0, "")
    assert "all that was chosen is still possible, and this is what happens now" in " ".join(out.split())


def test_check_takes_it_too(string: str) -> None:
    result = invoke("check", "abba.py", "--schedule", string)
    assert (result.exit_code, result.stdout) == (1, replay("abba.py", string)[1])
    result = invoke("check", "abba.py", "--schedule", string, "--profile", "6.12", "--steps", "2")
    assert "replayed: the first 2 of 4 recorded steps" in result.stdout
    result = invoke("check", "abba.py", "--schedule", string, "--profile", "5.9")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "was recorded with profile 6.12, not 5.9; it says so itself: name no profile" in result.stderr


def test_mistakes(string: str) -> None:
    wrong = "0" if string[10] != "0" else "1"
    typo = f"{string[:10]}{wrong}{string[11:]}"
    for arguments, message in [
        (["abba.py"], "Missing argument 'rf1:...'"),
        (["both.py", string], "replay runs one scenario; name one of both.py::abba, both.py::fine"),
        (["none.py", string], "none.py: no such file"),
        (["both.py::fine", string], "the replay string is of another scenario than `fine`: neither the name"),
        (["abba.py", "0,1,0"], "`0,1,0` is no replay string; expected `rf1:` and letters and digits"),
        (["abba.py", string[:-3]], "the replay string is cut off: behind `…"),
        (["abba.py", string[4:]], f"the replay string has lost its beginning; it is {string}"),
        (["abba.py", typo], f"character 11 of the replay string, `{wrong}`, is wrong; it was `{string[10]}`"),
        (["abba.py", f"rf2{string[3:]}"], "is of version 2 of the form, and this ringfence knows version 1"),
        (["abba.py", string, "--steps", "50"], "steps=50: the replay string has 4 steps"),
        (["abba.py", string, "--steps", "-1"], "range"),
        (["abba.py", string, "--then", "up"], "then: `up` is no schedule; expected choices such as 0,1,0"),
        (["abba.py", string, "--step", "--json"], "--step is for people; leave out --json"),
    ]:
        status, out, err = replay(*arguments)
        assert (status, out) == (2, ""), arguments
        assert message in " ".join(err.replace("│", " ").split())


def test_step_by_step(string: str) -> None:
    """Commands come line by line; what they show is the world at that step."""
    status, out, err = replay(
        "abba.py", string, "--step", "--width", 100, commands="\nn\n\n\n\np\n0\nw\nq\nn\n"
    )
    assert (status, err) == (1, "")
    assert out.splitlines() == [
        "abba: 4 steps, hung: nothing can happen any more, and somebody still waits",
        "replayed: the same steps and events as recorded",
        SUMMARY,
        "step 0 of 4: one mutex_lock(a) at abba.py:10",
        "  one: holds a (abba.py:10)",
        "step 1 of 4: two mutex_lock(b) at abba.py:10",
        "  one: holds a (abba.py:10)",
        "  two: holds b (abba.py:10)",
        "step 2 of 4: one mutex_lock(b), blocks at abba.py:10",
        "  one: waits for b; holds a (abba.py:10)",
        "  two: holds b (abba.py:10)",
        "step 3 of 4: two mutex_lock(a), blocks at abba.py:10",
        "hung: nothing can happen any more, and somebody still waits",
        *[line for line in out.splitlines() if line.startswith("RF601 ")],
        "  one: waits for b; holds a (abba.py:10)",
        "  two: waits for a; holds b (abba.py:10)",
        "there is no step 4: hung: nothing can happen any more, and somebody still waits",
        "step 2 of 4: one mutex_lock(b), blocks at abba.py:10",
        "  one: waits for b; holds a (abba.py:10)",
        "  two: holds b (abba.py:10)",
        "step 0 of 4: one mutex_lock(a) at abba.py:10",
        "  one: holds a (abba.py:10)",
        "after 1 of 4 steps, at 0 ns:",
        "  one: ready; holds a (abba.py:10); inside both, at abba.py:10",
        *[
            line
            for line in out.splitlines()
            if re.match(r"  (two|swapper/0): \w+", line) and "hold" not in line
        ],
        f"Again: ringfence replay abba.py::abba {string}",
    ]


def test_keys(string: str) -> None:
    _, out, _ = replay("abba.py", string, "--step", commands="?\nx\np\nn\np\np\n99999999999999999999999999\n")
    lines = out.splitlines()
    assert "NUMBER    to this step" in lines
    assert f"no command 'x'. {SUMMARY}" in " ".join(lines)
    assert "this is the beginning: nothing has happened yet" in lines
    assert "at the beginning" in lines
    assert "there is no step 99999999999999999999: hung" in out
    # The end of the input ends it.
    assert lines[-1] == f"Again: ringfence replay abba.py::abba {string}"


@pytest.mark.parametrize("columns", [20, 32, 50, 100])
def test_fits_the_width(string: str, columns: int) -> None:
    for options in ([], ["--step"]):
        shown = run("replay", "abba.py", string, *options, "--width", columns, stdin=b"\n\nw\n\n\n")
        assert (shown.returncode, shown.stderr) == (1, b"")
        lines = shown.stdout.decode().splitlines()
        kept = [line for line in lines if not re.match(r"Again: |\w+: |hung|[a-zA-Z0-9]+ {4}", line)]
        # Reports are never narrower than 32 columns, and help is as wide as it is.
        assert max(map(len, kept)) <= max(columns, 32)
        assert "\x1b" not in shown.stdout.decode()


INTERRUPT = b"^C"


def on_terminal(string: str, *inputs: bytes, **env: str) -> tuple[int, str]:
    """Exit status, and what somebody sees who answers each prompt with one of these."""
    ours, theirs = pty.openpty()
    command = [*INTERRUPTIBLE, "replay", "abba.py", string, "--step"]
    settings = environment(**{"COLUMNS": "80", **env})
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=settings)
    os.close(theirs)
    shown, left = b"", list(inputs)
    while select.select([ours], [], [], 60)[0]:
        try:
            part = os.read(ours, 1 << 16)
        except OSError:  # Linux's way to say that nobody is left
            part = b""
        if not part:
            break
        shown += part
        if shown.endswith(b"> ") and left:
            answer = left.pop(0)
            if answer == INTERRUPT:
                time.sleep(0.1)
                process.send_signal(signal.SIGINT)
            else:
                os.write(ours, answer)
    os.close(ours)
    return process.wait(timeout=60), shown.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("end", [b"q\n", b"\x04"])
def test_on_a_terminal(string: str, end: bytes) -> None:
    status, shown = on_terminal(string, b"\n", b"w\n", end)
    assert status == 1
    assert shown.count("\n> ") == 3
    assert "step 0 of 4: \x1b[1mone\x1b[0m mutex_lock(a)" in shown
    assert shown.endswith(f"Again: ringfence replay abba.py::abba {string}\n")
    assert "Traceback" not in shown
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in on_terminal(string, b"\n", end, **env)[1]


def test_ctrl_c_leaves_quietly(string: str) -> None:
    status, shown = on_terminal(string, b"\n", INTERRUPT, NO_COLOR="1")
    assert status == 130
    assert shown.endswith("  one: holds a (abba.py:10)\n> \n")


def test_a_reader_that_goes_away(string: str) -> None:
    command = [str(COMMAND), "replay", "abba.py", string, "--step"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        bufsize=0,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.write(b"\n\n")
        process.stdin.close()
        err = process.stderr.read()
        process.wait(timeout=60)
    assert (err, process.returncode) == (b"", 141)
