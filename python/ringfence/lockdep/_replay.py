"""Deciding recorded traces."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from ringfence._core import Profile, Replayed, Run
from ringfence.errors import TraceError

__all__ = ["Traces", "replay"]

Traces = str | os.PathLike[str] | bytes | Iterable[str | bytes | Mapping[str, Any]]
"""A file's path; JSON lines as text or bytes, also compressed; or traces one by one, as dicts or JSON."""

_NAME = "<traces>"


def replay(
    traces: Traces,
    *,
    profile: Profile | str = "6.12",
    search: Literal["exact", "kernel"] = "exact",
    go_on: bool = True,
    jobs: int = 0,
) -> list[Replayed]:
    """Decides traces and describes all findings, each trace on a fresh validator.

    The format is that of the recordings: ``{"id": …, "ops": [[op, …], …]}``, one trace per line. A ``str``
    that begins with ``{`` is JSON lines, any other one is a path. A dict without an id gets its number (from
    1) as one.

    >>> [trace] = replay([{"ops": [["acquire", "M1"], ["acquire", "M1"]]}])
    >>> trace.verdict
    <Verdict recursive at op 1>
    >>> trace.findings[0].rule
    'RF602'

    Args:
        traces: where they are, or the traces themselves.
        profile: which kernel, a `Profile` or the name of one.
        search: ``exact`` also finds what lockdep's shortcuts hide from it; ``kernel`` does not.
        go_on: False: stop each trace at its first report, as the kernel does.
        jobs: threads, 0 for one per core. The result does not depend on it.

    Raises:
        TraceError: some traces can't be used, or the file can't be read. It lists all of them with what was
            expected, and holds what was decided in `TraceError.results`.
        ProfileError: no such profile.
    """
    if not isinstance(profile, Profile):
        profile = Profile(profile)
    source, problems = _source(traces)
    run = Run([source], profile, search=search, go_on=go_on, describe=True, jobs=jobs)
    results: list[Replayed] = []
    while (batch := run.next_batch()) is not None:
        results += batch.items
        problems += batch.refused
    if problems:
        raise TraceError(problems, results)
    return results


def _source(traces: Traces) -> tuple[os.PathLike[str] | str | tuple[str, bytes], list[str]]:
    """What the engine reads, and what could not even be passed on to it."""
    match traces:
        case bytes() | bytearray():
            return (_NAME, bytes(traces)), []
        case str() if traces.lstrip().startswith("{"):
            return (_NAME, traces.encode(errors="surrogatepass")), []
        case str() | os.PathLike():
            return traces, []
    lines: list[bytes] = []
    problems: list[str] = []
    for number, trace in enumerate(traces, start=1):
        try:
            lines.append(_line(trace, number))
        except (TypeError, ValueError) as error:
            lines.append(b"")
            problems.append(f"{_NAME}:{number}: {error}; expected a dict or a string with JSON")
    return (_NAME, b"\n".join(lines)), problems


def _line(trace: str | bytes | Mapping[str, Any], number: int) -> bytes:
    if isinstance(trace, Mapping):
        return json.dumps({"id": f"{number}", **trace}, separators=(",", ":")).encode()
    text = trace if isinstance(trace, bytes) else trace.encode(errors="surrogatepass")
    # In JSON a line feed is only ever white space.
    return text.replace(b"\n", b" ")
