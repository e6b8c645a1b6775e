"""Keeps report.json, into which single benchmarks merge their result, and writes REPORT.md from it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.figures import Result, number
from bench.installation import machine

FOLDER = Path(__file__).resolve().parent
JSON, MARKDOWN = FOLDER / "report.json", FOLDER / "REPORT.md"
HEAD = """# Benchmark report

Written by `make bench`; do not edit. A figure is the median of its runs, with the lowest and the highest; CPU is user
and system time of every process of the installation, PostgreSQL included, without the load generator. The bars are the
project's own targets. Peers marked *recorded* were measured on a machine of the same size (2 cores) on 22 November
2026; wall time differs from machine to machine, so compare CPU milliseconds.
How each benchmark works: docs/benchmarks.md.
"""


def load() -> dict[str, Any]:
    """Return the report so far."""
    if JSON.exists():
        known: dict[str, Any] = json.loads(JSON.read_text(encoding="utf-8"))
        return known
    return {"benchmarks": {}}


def save(result: Result) -> None:
    """Merge one result into the report and write both files."""
    report = load()
    stamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    report["machine"] = dict(machine())
    report["benchmarks"][result.name] = result.as_json() | {"measured_at": stamp}
    JSON.write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    MARKDOWN.write_text(_markdown(report), encoding="utf-8")


def _markdown(report: dict[str, Any]) -> str:
    from bench.run import ORDER

    known = report["benchmarks"]
    parts = [HEAD, "| machine | |\n|---|---|\n" + "\n".join(f"| {k} | {v} |" for k, v in report["machine"].items())]
    bars = [figure for result in known.values() for figure in result["figures"] if figure["bar"]]
    missed = [figure["label"] for figure in bars if not figure["is_met"]]
    told = f"**{len(bars) - len(missed)} of {len(bars)} bars are met.**"
    parts.append(told + (f" Missed: {'; '.join(missed)}." if missed else ""))
    ordered = [name for name in ORDER if name in known] + [name for name in known if name not in ORDER]
    parts += [_section(known[name]) for name in ordered]
    return "\n\n".join(parts) + "\n"


def _section(result: dict[str, Any]) -> str:
    lines = [f"## {result['title']}", "", f"{result['how']} *({result['measured_at']})*", ""]
    has_peers = any(figure["peer"] for figure in result["figures"])
    lines.append("| figure | median | lowest to highest | runs | bar | met |" + (" peer |" if has_peers else ""))
    lines.append("|---|---:|---|---:|---|---|" + ("---|" if has_peers else ""))
    for figure in result["figures"]:
        span = f"{number(figure['low'])} to {number(figure['high'])}" if figure["runs"] > 1 else ""
        met = "" if figure["is_met"] is None else "yes" if figure["is_met"] else "**no**"
        value = f"{number(figure['median'])} {figure['unit']}".strip()
        row = f"| {figure['label']} | {value} | {span} | {figure['runs']} | {figure['bar']} | {met} |"
        lines.append(row + (f" {figure['peer']} |" if has_peers else ""))
    if result["notes"]:
        lines += ["", *(f"- {note}" for note in result["notes"])]
    return "\n".join(lines)
