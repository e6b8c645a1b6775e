"""Idle memory of everything that `comptoir up` starts, and how long it takes to start."""

import time
from collections import Counter

from bench.figures import Bar, Result
from bench.installation import Installation

NAME = "memory"
IDLE_SECONDS = 60
STARTS = 3


def _start(place: Installation, *words: str) -> float:
    """Run `comptoir up` until it says that it is open; return the seconds."""
    said = len(place.output("up")) if (place.home / "up.out").exists() else 0
    began = time.monotonic()
    process = place.start("up", "up", *words)
    while "is open" not in place.output("up")[said:]:
        if process.poll() is not None or time.monotonic() - began > 120:
            raise RuntimeError(place.output("up")[-3000:])
        time.sleep(0.01)
    return time.monotonic() - began


def _part(name: str) -> str:
    return "PostgreSQL" if "postgres" in name else "supervisor, web and worker"


def run(idle_seconds: int = IDLE_SECONDS, starts: int = STARTS) -> Result:
    """Start, stop and start again, with and without the demo; then let it idle and add up the memory."""
    result = Result(
        NAME,
        "Memory and start",
        "Proportional set size (PSS) of the whole process tree of `comptoir up`, PostgreSQL included, from "
        f"/proc/*/smaps_rollup after {idle_seconds} s without a request. Start: from the command until it says that it "
        "is open; the first one creates database, tables and static files.",
    )
    for words, label in (((), ""), (("--demo",), ", with the demo")):
        first, later = [], []
        for turn in range(starts):
            with Installation() as place:
                first.append(_start(place, *words))
                place.stop("up")
                later.append(_start(place, *words))
                print(f"  start{label}: first {first[-1]:.1f} s, later {later[-1]:.1f} s", flush=True)
                if not words and turn == starts - 1:
                    _idle(place, result, idle_seconds)
        result.add(f"first start{label}", first, "s", bar=Bar(15))
        result.add(f"later start{label}", later, "s", bar=Bar(5))
    return result


def _idle(place: Installation, result: Result, seconds: int) -> None:
    time.sleep(seconds)
    spent = place.cpu_ms()
    time.sleep(10)
    result.add("CPU while idle", (place.cpu_ms() - spent) / 10, "ms a second")
    parts: Counter[str] = Counter()
    for name, kilobytes in place.pss_kb().values():
        parts[_part(name)] += kilobytes
    total = sum(parts.values()) / 1024
    peer = "Roundup 95, django-helpdesk 190, FreeScout 247, RT 760 (recorded)"
    result.add("idle memory of the whole stack", total, "MB", bar=Bar(250), peer=peer)
    for name, kilobytes in parts.items():
        result.add(f"of which {name}", kilobytes / 1024, "MB")
    print(f"  idle: {total:.0f} MB", flush=True)
