"""Checks that French is complete: every string of the sources is in the catalogue, translated, and compiled.

The sources are collected in a copy, so that nothing here is changed; `make messages` changes the catalogue. Needs GNU
gettext (`bin/setup` installs it).
"""

import ast
import gettext
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CATALOGUES = ("django", "djangojs")
MOST_LINES = 60
# The names that Django has xgettext look for; a string under another name would silently stay English.
KEYWORDS = {
    "_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy",
    "npgettext", "npgettext_lazy",
}  # fmt: skip

Key = tuple[str, str]  # context, English


@dataclass(frozen=True, slots=True)
class Entry:
    """One string of a catalogue; `texts` has one translation, or one for each plural form."""

    plural: str
    texts: tuple[str, ...]
    is_fuzzy: bool

    @property
    def is_done(self) -> bool:
        """Whether a person translated it."""
        return bool(self.texts) and all(self.texts) and not self.is_fuzzy


def _blocks(text: str) -> Iterator[tuple[bool, dict[str, str]]]:
    """Yield (is fuzzy, fields) of each entry; obsolete entries (#~) are left out."""
    for block in text.replace("\r\n", "\n").split("\n\n"):
        fields: dict[str, str] = {}
        current, fuzzy = "", False
        for line in block.splitlines():
            if line.startswith("#"):
                fuzzy |= line.startswith("#,") and "fuzzy" in line
                continue
            if not line.startswith('"'):
                current, _space, line = line.partition(" ")
            if current:
                fields[current] = fields.get(current, "") + str(ast.literal_eval(line.strip()))
        if "msgid" in fields:
            yield fuzzy, fields


def read_catalogue(text: str) -> dict[Key, Entry]:
    """Return the entries of a .po file, without its header."""
    entries: dict[Key, Entry] = {}
    for fuzzy, fields in _blocks(text):
        if fields["msgid"]:
            texts = tuple(fields[name] for name in sorted(fields) if name.startswith("msgstr"))
            key = (fields.get("msgctxt", ""), fields["msgid"])
            entries[key] = Entry(fields.get("msgid_plural", ""), texts, fuzzy)
    return entries


def incomplete(wanted: Mapping[Key, Entry], have: Mapping[Key, Entry]) -> list[str]:
    """Return what the sources say and the catalogue does not translate, and what it keeps for nothing."""
    problems: list[str] = []
    for key, entry in wanted.items():
        mine = have.get(key)
        if mine is None or mine.plural != entry.plural:
            problems.append(f"not in the catalogue: {key[1]!r}")
        elif not mine.is_done:
            problems.append(f"{'fuzzy' if mine.is_fuzzy else 'not translated'}: {key[1]!r}")
    problems += [f"no longer in the sources: {key[1]!r}" for key in have if key not in wanted]
    return problems


def stale(have: Mapping[Key, Entry], compiled: gettext.NullTranslations) -> list[str]:
    """Return what the compiled catalogue says otherwise; compared by meaning, as versions of msgfmt differ in bytes."""
    problems: list[str] = []
    for (context, text), entry in have.items():
        if not entry.is_done:
            continue
        if entry.plural and context:
            found = tuple(compiled.npgettext(context, text, entry.plural, n) for n in (1, 2))
        elif entry.plural:
            found = tuple(compiled.ngettext(text, entry.plural, n) for n in (1, 2))
        else:
            found = (compiled.pgettext(context, text) if context else compiled.gettext(text),)
        if found != entry.texts:
            problems.append(f"compiled otherwise: {text!r}")
    return problems


def uncollected(source: str) -> list[str]:
    """Return the names under which a module imports gettext and which xgettext does not know."""
    return [
        f"{name.name} as {name.asname}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for name in node.names
        if name.name in KEYWORDS and name.asname and name.asname not in KEYWORDS
    ]


def _collected(name: str, copy: Path) -> dict[Key, Entry]:
    """Return what makemessages finds in the copy of the sources."""
    command = [sys.executable, "-P", "-m", "django", "makemessages"]
    command += ["-l", "fr", "-d", name, "--no-location", "--no-obsolete"]
    # With settings, makemessages would write into their LOCALE_PATHS, the real catalogue, and not into the copy.
    environment = {key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"}
    subprocess.run(command, cwd=copy, check=True, capture_output=True, env=environment)
    path = copy / "locale/fr/LC_MESSAGES" / f"{name}.po"
    return read_catalogue(path.read_text()) if path.exists() else {}


def _problems(name: str, copy: Path) -> list[str]:
    """Return what is wrong with one catalogue."""
    path = ROOT / "locale/fr/LC_MESSAGES" / f"{name}.po"
    have = read_catalogue(path.read_text()) if path.exists() else {}
    found = incomplete(_collected(name, copy), have)
    if have:
        check = subprocess.run(
            ["msgfmt", "--check", "-o", os.devnull, str(path)], check=False, capture_output=True, text=True
        )
        found += check.stderr.splitlines() if check.returncode else []
        compiled = path.with_suffix(".mo")
        if compiled.exists():
            with compiled.open("rb") as file:
                found += stale(have, gettext.GNUTranslations(file))
        else:
            found.append(f"{compiled.name} is missing")
    return [f"{name}: {problem}" for problem in found]


def main() -> int:
    """Print what is missing; return 1 when anything is."""
    if shutil.which("msgfmt") is None:
        print("GNU gettext is missing: install it with bin/setup.")
        return 1
    problems = [
        f"{path.relative_to(ROOT)}: {alias}: makemessages does not find these strings"
        for path in ROOT.rglob("*.py")
        for alias in uncollected(path.read_text())
    ]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "comptoir"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns("__pycache__", "vendor", "fixtures", "*.po", "*.mo"))
        for name in CATALOGUES:
            problems += _problems(name, copy)
    print("\n".join(problems[:MOST_LINES]) or "French is complete.")
    if len(problems) > MOST_LINES:
        print(f"… and {len(problems) - MOST_LINES} more")
    if problems:
        print("Run `make messages`, translate what is empty or fuzzy in locale/fr, run it again.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
