"""What the invented customers write and the staff answers, read from fr.txt and en.txt (format: top of fr.txt)."""

import re
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
_LABEL = re.compile(r"\[([a-z]+)\] ")


@dataclass(frozen=True, slots=True)
class Scenario:
    """One reason to write, with the texts around it. Texts hold {slots}; see wording.py."""

    language: str
    key: str
    topic: str  # internet, mobile, billing, orders, press, ideas, other
    desk: str  # the mailbox it is written to: support, boutique
    who: str  # any, teen, elderly, business, press
    weight: float
    subjects: tuple[str, ...]  # of the letter in the same place
    letters: tuple[str, ...]  # for mail and form
    lines: tuple[str, ...]  # for chat and sandbox
    answers: tuple[str, ...]
    thanks: tuple[str, ...]
    complaints: tuple[str, ...]
    nudges: tuple[str, ...]

    def subject_of(self, opening: str) -> str:
        """Return the subject that goes with a letter."""
        return self.subjects[self.letters.index(opening)]


@lru_cache(maxsize=2)
def scenarios(language: str) -> tuple[Scenario, ...]:
    """Return all scenarios of a language: what is answered in the same way is one."""
    text = (Path(__file__).parent / f"{language}.txt").read_text(encoding="utf-8")
    return tuple(scenario for block in f"\n{text}".split("\n== ")[1:] for scenario in _scenarios(language, block))


def _scenarios(language: str, block: str) -> list[Scenario]:
    head, *lines = block.splitlines()
    key, topic, desk, who, weight = (part.strip() for part in head.split(";"))
    texts = _texts(lines)
    subjects, letters = [text for _, text in texts["subjects"]], texts["letters"]
    labels = sorted({label for label, _ in (*letters, *texts["lines"])})
    found = []
    for label in labels:
        places = [place for place, (own, _) in enumerate(letters) if own == label]
        fitting = {name: _fitting(texts[name], label) for name in ("answers", "thanks", "complaints", "nudges")}
        scenario = Scenario(
            language,
            key,
            topic,
            desk,
            who,
            int(weight) / len(labels),
            subjects=tuple(subjects[place % len(subjects)] for place in places),
            letters=tuple(letters[place][1] for place in places),
            lines=tuple(text for own, text in texts["lines"] if own == label),
            **fitting,
        )
        found.append(scenario)
    return found


def _texts(lines: list[str]) -> dict[str, list[tuple[str, str]]]:
    """Return the texts of a block by kind, each with its label, '' where it has none."""
    raw: list[tuple[str, str]] = []
    for line in lines:
        if line.startswith("  "):
            raw[-1] = (raw[-1][0], f"{raw[-1][1]} {line.strip()}")
        elif line.strip():
            raw.append((_MARKS[line[0]], line[1:].strip()))
    texts: dict[str, list[tuple[str, str]]] = {name: [] for name in _MARKS.values()}
    for name, text in raw:
        label = _LABEL.match(text)
        whole = (text[label.end() :] if label else text).replace(" ¶ ", "\n\n")
        texts[name].append((label[1] if label else "", whole))
    return texts


def _fitting(texts: list[tuple[str, str]], label: str) -> tuple[str, ...]:
    return tuple(text for own, text in texts if not own or not label or label in own)
