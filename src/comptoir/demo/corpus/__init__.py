"""What the invented customers write and the staff answers, read from fr.txt and en.txt (format: top of fr.txt)."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

LANGUAGES = ("fr", "en")
_MARKS = {
    "?": "subjects",
    "-": "letters",
    "~": "lines",
    ">": "answers",
    "+": "thanks",
    "!": "complaints",
    "…": "nudges",
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One reason to write, with the texts around it. Texts hold {slots}; see wording.py."""

    language: str
    key: str
    topic: str  # internet, mobile, billing, orders, press, ideas, other
    desk: str  # the mailbox it is written to: support, boutique
    who: str  # any, teen, elderly, business, press
    weight: int
    subjects: tuple[str, ...]
    letters: tuple[str, ...]  # for mail and form
    lines: tuple[str, ...]  # for chat and sandbox
    answers: tuple[str, ...]
    thanks: tuple[str, ...]
    complaints: tuple[str, ...]
    nudges: tuple[str, ...]

    def subject_of(self, opening: str) -> str:
        """Return the subject that goes with a letter; lines have none of their own and get the first."""
        place = self.letters.index(opening) if opening in self.letters else 0
        return self.subjects[place % len(self.subjects)]


@lru_cache(maxsize=2)
def scenarios(language: str) -> tuple[Scenario, ...]:
    """Return all scenarios of a language."""
    text = (Path(__file__).parent / f"{language}.txt").read_text(encoding="utf-8")
    return tuple(_scenario(language, block) for block in f"\n{text}".split("\n== ")[1:])


def _scenario(language: str, block: str) -> Scenario:
    head, *lines = block.splitlines()
    key, topic, desk, who, weight = (part.strip() for part in head.split(";"))
    texts: dict[str, list[str]] = {name: [] for name in _MARKS.values()}
    current: list[str] = []
    for line in lines:
        if line.startswith("  "):
            current[-1] += " " + line.strip()
        elif line.strip():
            current = texts[_MARKS[line[0]]]
            current.append(line[1:].strip())
    whole = {name: tuple(text.replace(" ¶ ", "\n\n") for text in found) for name, found in texts.items()}
    return Scenario(language, key, topic, desk, who, int(weight), **whole)
