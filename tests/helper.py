"""What several tests need: running the command, and traces."""

import json
import os
import pty
import select
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from ringfence import _cli

ROOT = Path(__file__).parent.parent
CONFORMANCE = ROOT / "conformance"
COMMAND = Path(sys.executable).with_name("ringfence")

# As the command, but Ctrl-C works even where the tests run with SIGINT ignored, as background jobs do.
INTERRUPTIBLE = [
    sys.executable,
    "-c",
    """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from ringfence._cli import main
main(prog_name='ringfence')
""",
]


def trace(name: str, *ops: Sequence[object], **fields: object) -> dict[str, Any]:
    """A trace with this id."""
    return {"id": name, "ops": [list(op) for op in ops], **fields}


CLEAN = trace("clean", ["acquire", "M1"], ["release", "M1"])
TWICE = trace("twice", ["acquire", "M1"], ["acquire", "M1"])
CIRCLE = trace(
    "circle",
    *(["acquire", "M1"], ["acquire", "M2"], ["release", "M2"], ["release", "M1"]),
    *(["acquire", "M2"], ["acquire", "M1"], ["release", "M1"], ["release", "M2"]),
)
UNWANTED = {"NO_COLOR", "COLUMNS", "TERM", "FORCE_COLOR"}


def lines(*traces: Mapping[str, Any] | str) -> bytes:
    """JSON lines; a string is a line as it is."""
    texts = [item if isinstance(item, str) else json.dumps(item, separators=(",", ":")) for item in traces]
    return "".join(f"{text}\n" for text in texts).encode()


def environment(**changes: str) -> dict[str, str]:
    """The environment without what changes output, then with `changes`."""
    kept = {key: value for key, value in os.environ.items() if key not in UNWANTED}
    return {**kept, "TERM": "xterm", **changes}


def run(
    *arguments: object, stdin: bytes = b"", env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Runs the installed command."""
    command = [str(COMMAND), *map(str, arguments)]
    return subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        check=False,
        timeout=100,
        env=environment(**(env or {})),
        cwd=cwd,
    )


def invoke(*arguments: object, stdin: bytes = b"") -> Result:
    """Runs the command in this process; the engine's standard input is not `stdin`, but the real one."""
    return CliRunner().invoke(_cli.main, [str(argument) for argument in arguments], input=stdin)


def zstd(data: bytes) -> bytes:
    """A zstd frame of uncompressed blocks (RFC 8878): the standard library can't write any other."""
    frame = struct.pack("<IBI", 0xFD2FB528, 0xA0, len(data))
    blocks = [data[start : start + (1 << 17)] for start in range(0, len(data), 1 << 17)] or [b""]
    for index, block in enumerate(blocks):
        header = len(block) << 3 | (index == len(blocks) - 1)
        frame += header.to_bytes(3, "little") + block
    return frame


def on_terminal(*arguments: object, **env: str) -> bytes:
    """What the command shows on a terminal of its own."""
    ours, theirs = pty.openpty()
    command = [str(COMMAND), *map(str, arguments)]
    settings = environment(**{"COLUMNS": "80", **env})
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=settings)
    os.close(theirs)
    shown = b""
    while select.select([ours], [], [], 60)[0]:
        try:
            part = os.read(ours, 1 << 16)
        except OSError:  # Linux's way to say that nobody is left
            part = b""
        if not part:
            break
        shown += part
    os.close(ours)
    process.wait(timeout=60)
    return shown.replace(b"\r\n", b"\n")
