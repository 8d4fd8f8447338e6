"""The examples run as they are, and what they print fits 100 columns."""

import re
import subprocess
import sys

from tests.helper import ROOT, environment, run


def run_example(name: str, **env: str) -> str:
    result = subprocess.run(
        [sys.executable, f"examples/{name}"],
        capture_output=True,
        check=False,
        timeout=100,
        cwd=ROOT,
        env=environment(**env),
        text=True,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert "\x1b" not in result.stdout
    return result.stdout


def test_demo() -> None:
    shown = run_example("demo.py")
    assert max(map(len, shown.splitlines())) <= 100
    assert "34389 of 34389 traces" in shown
    assert "9798 of  9798 recordings of API calls" in shown
    assert "lockdep would have stayed silent" in shown
    assert re.search(r"^RF301 .*: CONFIRMED$", shown, re.MULTILINE)
    assert "get_tiling_flags (examples/amdgpu_commit_tail.py:" in shown
    assert "fixed: nothing found in " in shown
    assert "dma_resv_lock(framebuffer), blocks" in shown.split("Next")[0]


def test_lockdep_streaming() -> None:
    shown = run_example("lockdep_streaming.py")
    headlines = [line for line in shown.splitlines() if line.startswith("RF") and ": PREDICTED" in line]
    assert [line.split()[0] for line in headlines] == ["RF601", "RF601"]
    assert "gpu->reset_lock" in shown


def test_amdgpu_commit_tail() -> None:
    """The worker that must signal waits for the lock that the waiter holds, and the last steps say so."""
    result = run("check", "examples/amdgpu_commit_tail.py::buggy", "--width", "100", cwd=ROOT)
    shown = result.stdout.decode()
    assert (result.returncode, result.stderr) == (1, b"")
    assert max(map(len, shown.splitlines())) <= 100
    headline = shown.splitlines()[0]
    assert headline.startswith("RF301 ")
    assert headline.endswith(": CONFIRMED")
    evicts = shown.index("waits for dma_fence out_fence at")
    flips = shown.index("dma_resv_lock(framebuffer), blocks")
    assert 0 < evicts < flips
    assert "[2] must signal out_fence" in shown
    assert "[1] holds it" in shown
    assert "1 finding in" in shown


def test_amdgpu_commit_tail_fixed() -> None:
    result = run("check", "examples/amdgpu_commit_tail.py::fixed", cwd=ROOT)
    assert (result.returncode, result.stderr) == (0, b"")
    assert b"fixed: nothing found in" in result.stdout
