"""Score the e-mail parser and the quote trimmer on recorded public mails with known answers.

    python bench/mail_fixtures.py [FOLDER]      (or COMPTOIR_FIXTURES; the default is ../shared/fixtures)

The mails come from the test suites of other systems and are not part of this project. A mail passes when sender
address, display name, subject, body (ratio of the words in order >= 0.95) and the MD5 of every attachment agree.
The expected values are snapshots of one system's own parser, which shows an HTML body again as 'message.html' and an
empty body as 'no visible content': neither is a fact about the mail, and both are taken out before comparing.
Where the expected value is plainly wrong, our right answer stays and EXPECTED_WRONG says why.
"""

import argparse
import difflib
import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from comptoir.channels.email.mime import parse_mail  # noqa: E402
from comptoir.channels.email.trim import trim_html, trim_text  # noqa: E402

MIN_BODY_RATIO = 0.95
EMPTY_BODY = "no visible content"
BODY_COPY = "message.html"

EXPECTED_WRONG: dict[str, str] = {
    "mail025.box": "a uuencoded file stands in the body as gibberish; we take it out as the CSV attachment that it is",
    "mail026.box": "the HTML part shows nothing, and the expected body is its <title>; we show the plain alternative",
    "mail035.box": "the quotes around the address are kept as a part of it; nobody could answer such an address",
    "mail065.box": "an encoded word is cut at the comma inside it ('=20Andreas?='); the name is 'Bürling, Andreas'",
    "mail072.box": "windows-1258 is read as windows-1250 ('suite ŕ ma commande du 14 aoűt'); we read 'suite à … août'",
    "mail105.box": "a multipart without its boundary gives no text at all; we show the text that is there",
}


def fold(text: str | None) -> str:
    return " ".join((text or "").split())


def score_mail(raw: bytes, expected: dict[str, Any]) -> list[str]:
    """Return what differs; an empty list is a pass."""
    mail = parse_mail(raw)
    wrong: list[str] = []
    for name, ours, theirs in (
        ("from_email", mail.from_email, expected["from_email"]),
        ("from_name", mail.from_name, expected["from_display_name"]),
        ("subject", mail.subject, expected["subject"]),
    ):
        if fold(ours) != fold(theirs):
            wrong.append(f"{name}: {ours!r} instead of {theirs!r}")
    body = "" if expected["body_text"] == EMPTY_BODY else expected["body_text"]
    have_words, want_words = mail.text.split(), body.split()
    ratio = difflib.SequenceMatcher(None, have_words, want_words, autojunk=False).ratio()
    if ratio < MIN_BODY_RATIO:
        wrong.append(
            f"body ratio {ratio:.2f}: {' '.join(have_words)[:200]!r} instead of {' '.join(want_words)[:200]!r}"
        )
    have = Counter(a.md5 for a in mail.attachments)
    want = Counter(a["md5"] for a in expected["attachments"] if a["filename"] != BODY_COPY)
    if have != want:
        names = [(a.filename, a.size) for a in mail.attachments]
        wrong.append(f"attachments: {names} instead of {[(a['filename'], a['size']) for a in expected['attachments']]}")
    return wrong


def score_mails(folder: Path) -> dict[str, list[str]]:
    """Return the differences of each mail by file name."""
    lines = (folder / "expected.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [json.loads(line) for line in lines if line.strip()]
    return {c["file"]: score_mail((folder / c["file"]).read_bytes(), c) for c in cases}


def score_trim(folder: Path) -> dict[str, list[str]]:
    """Return the differences of each plain text case by name."""
    results: dict[str, list[str]] = {}
    for path in sorted((folder / "emails").glob("*.txt")):
        ours = fold(trim_text(path.read_text(encoding="utf-8")).visible)
        theirs = fold((folder / "trimmed" / path.name).read_text(encoding="utf-8"))
        results[path.name] = [] if ours == theirs else [f"{ours[:300]!r} instead of {theirs[:300]!r}"]
    return results


def score_html(folder: Path) -> dict[str, list[str]]:
    """Return the differences of each HTML case by name."""
    results: dict[str, list[str]] = {}
    cases = json.loads((folder / "html_cases.json").read_text(encoding="utf-8"))
    for number, case in enumerate(cases, 1):
        ours = trim_html(case["input"]) if case["kind"] == "html" else trim_text(case["input"]).visible
        results[f"{number} {case['name']}"] = (
            [] if fold(ours) == fold(case["want"]) else [f"{ours!r} instead of {case['want']!r}"]
        )
    return results


def score(fixtures: Path) -> dict[str, Any]:
    """Return the scores and the failing cases with their reasons."""
    report: dict[str, Any] = {}
    for name, results in (
        ("mail_parse", score_mails(fixtures / "mail-parse")),
        ("reply_trim", score_trim(fixtures / "reply-trim")),
        ("reply_trim_html", score_html(fixtures / "reply-trim")),
    ):
        failing = {case: wrong for case, wrong in results.items() if wrong}
        excused = {case: EXPECTED_WRONG[case] for case in failing if case in EXPECTED_WRONG}
        report[name] = {
            "cases": len(results),
            "exact": len(results) - len(failing),
            "right": len(results) - len(failing) + len(excused),
            "failing": failing,
            "expected_wrong": excused,
        }
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description="Score the e-mail parser on recorded mails.")
    default = os.environ.get("COMPTOIR_FIXTURES") or str(ROOT.parent / "shared" / "fixtures")
    parser.add_argument("fixtures", nargs="?", type=Path, default=Path(default))
    parser.add_argument("--json", action="store_true", help="print the whole report as JSON")
    options = parser.parse_args()
    report = score(options.fixtures)
    if options.json:
        print(json.dumps(report, ensure_ascii=False, indent=2))
        return
    for name, part in report.items():
        print(f"{name}: {part['exact']} of {part['cases']} exact, {part['right']} counting wrong expectations")
        for case, wrong in part["failing"].items():
            excuse = part["expected_wrong"].get(case)
            print(f"  {case}" + (f"  (expected value is wrong: {excuse})" if excuse else ""))
            for line in wrong:
                print(f"      {line}")


if __name__ == "__main__":
    main()
