"""The e-mail parser and the quote trimmer on recorded public mails with known answers (see mail_fixtures.py)."""

from bench.figures import Bar, Result
from bench.mail_fixtures import score
from bench.peer_files import fixtures

NAME = "parsers"
BARS = {"mail_parse": 57, "reply_trim": 24, "reply_trim_html": None}
LABELS = {
    "mail_parse": "mails parsed",
    "reply_trim": "texts trimmed",
    "reply_trim_html": "HTML mails trimmed",
}


def run() -> Result:
    """Score both; where the expected value is wrong, the note says so."""
    result = Result(
        NAME,
        "Parsers on recorded mails",
        "Mails from the test suites of other systems with known answers; they are not part of this project. Sender, "
        "name, subject, body (ratio of words at least 0.95) and the MD5 of every attachment must agree.",
    )
    for name, part in score(fixtures()).items():
        bar = BARS.get(name)
        limit = Bar(bar, at_least=True) if bar else None
        peer = (
            "Python's standard library: about half"
            if name == "mail_parse"
            else "a library off the shelf: about a third"
        )
        label, of = LABELS.get(name, name), f"of {part['cases']}"
        # Both are held against the bar: the reader decides about the wrong expectations, which the notes below explain.
        result.add(f"{label}: to the letter", part["exact"], of, bar=limit, peer=peer)
        result.add(f"{label}: right", part["right"], of, bar=limit)
        for case, wrong in part["failing"].items():
            excuse = part["expected_wrong"].get(case)
            told = f"the expected value is wrong: {excuse}" if excuse else "; ".join(wrong)
            result.notes.append(f"`{case}`: {told[:400]}")
    return result
