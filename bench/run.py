"""Runs the benchmarks and writes bench/REPORT.md and bench/report.json.

python -m bench.run                  everything but the peers, about 15 minutes
python -m bench.run webhook live     single ones; their results are merged into the report
python -m bench.run peers            other helpdesks on the same workload (downloads them)
"""

import importlib
import sys
import time
import traceback

from bench import report
from bench.peer_files import MissingError

ORDER = [
    "mail_ingest", "json_ingest", "webhook", "live", "desks", "pages", "pages_big", "memory", "wire", "lighthouse",
    "kill", "parsers", "webhook_cases", "peers",
]  # fmt: skip
OPTIONAL = {"peers"}  # downloads other people's programs: only when asked for


def main(names: list[str]) -> None:
    """Run the named benchmarks, or all that need nothing from elsewhere; exit 1 when one breaks."""
    unknown = set(names) - set(ORDER)
    if unknown:
        raise SystemExit(f"There is no benchmark {', '.join(sorted(unknown))}. Known: {', '.join(ORDER)}.")
    broken = []
    for name in names or [name for name in ORDER if name not in OPTIONAL]:
        print(f"{name} …", flush=True)
        began = time.monotonic()
        try:
            result = importlib.import_module(f"bench.{name}").run()
        except MissingError as reason:
            print(f"  left out: {reason}", flush=True)
            continue
        except Exception:
            traceback.print_exc()
            broken.append(name)
            continue
        report.save(result)
        missed = [figure for figure in result.figures if figure.is_met is False]
        for figure in missed:
            print(f"  misses its bar: {figure.label}: {figure.median:g} {figure.unit} ({figure.bar})", flush=True)
        print(f"  {time.monotonic() - began:.0f} s, {len(missed)} bars missed", flush=True)
    if broken:
        raise SystemExit(f"broken: {', '.join(broken)}")


if __name__ == "__main__":
    main(sys.argv[1:])
