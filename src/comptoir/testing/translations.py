"""Checks that French is complete: every string of the sources is in the catalogue, translated, and compiled.

Without GNU gettext only the compiled catalogue's age can be seen; `bin/setup` installs it.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CATALOGUES = ("django", "djangojs")


def _entries(catalogue: Path) -> dict[str, bool]:
    """Return every message id of a catalogue and whether it is translated (and not fuzzy)."""
    entries: dict[str, bool] = {}
    for block in catalogue.read_text().split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith("#~")]
        fuzzy = any(line.startswith("#,") and "fuzzy" in line for line in lines)
        fields: dict[str, str] = {}
        current = ""
        for line in lines:
            if line.startswith("msg"):
                current, _, rest = line.partition(" ")
                fields[current] = rest.strip().strip('"')
            elif line.startswith('"') and current:
                fields[current] += line.strip().strip('"')
        if fields.get("msgid") or fields.get("msgctxt"):
            key = fields.get("msgctxt", "") + "|" + fields.get("msgid", "")
            texts = [text for name, text in fields.items() if name.startswith("msgstr")]
            entries[key] = bool(texts) and all(texts) and not fuzzy
    return entries


def _collected(name: str, work: Path) -> dict[str, bool]:
    """Return what makemessages finds in the sources now."""
    copy = work / "comptoir"
    ignored = shutil.ignore_patterns("__pycache__", "vendor", "fixtures")
    if not copy.exists():
        shutil.copytree(ROOT, copy, ignore=ignored)
    command = [sys.executable, "-m", "django", "makemessages", "-l", "fr", "-d", name, "--no-location", "--no-obsolete"]
    subprocess.run(command, cwd=copy, check=True, capture_output=True)  # noqa: S603
    path = copy / "locale/fr/LC_MESSAGES" / f"{name}.po"
    return _entries(path) if path.exists() else {}


def main() -> int:
    """Print what is missing; return 1 when anything is."""
    problems: list[str] = []
    if shutil.which("msgfmt") is None:
        print("GNU gettext is missing: install it with bin/setup.")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        for name in CATALOGUES:
            wanted = _collected(name, Path(folder))
            path = ROOT / "locale/fr/LC_MESSAGES" / f"{name}.po"
            have = _entries(path) if path.exists() else {}
            problems += [f"{name}: not in the catalogue: {key}" for key in wanted if key not in have]
            problems += [f"{name}: not translated: {key}" for key, done in have.items() if key in wanted and not done]
            compiled = path.with_suffix(".mo")
            if have and not compiled.exists():
                problems.append(f"{compiled.name} is missing: run make messages")
            elif have:
                fresh = Path(folder) / f"{name}.mo"
                subprocess.run(["msgfmt", "-o", str(fresh), str(path)], check=True)  # noqa: S603, S607
                if fresh.read_bytes() != compiled.read_bytes():
                    problems.append(f"{compiled.name} is older than its catalogue: run make messages")
    print("\n".join(problems[:60]) or "French is complete.")
    if len(problems) > 60:
        print(f"… and {len(problems) - 60} more")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
