"""What the worker stored in English is said in the language of the screen."""

import re

import pytest
from django.utils import translation

from comptoir.channels.email import mime
from comptoir.core.errors import AnomalousPayload
from comptoir.desk.reasons import SENTENCES, retold

CASES = [
    ("a whole sentence", "The mail is empty.", "L’e-mail est vide."),
    (
        "blanks",
        "“a@b” is not an address that mail can be sent to.",
        "«\u00a0a@b\u00a0» n’est pas une adresse à laquelle on peut écrire.",
    ),
    (
        "two sentences, and the server's own words",
        "The server refuses the recipient zoe@example.org. Nobody has received this message. "
        "The server said: 552 5.2.2 Mailbox full. Try later.",
        "Le serveur refuse le destinataire zoe@example.org. Personne n’a reçu ce message. "
        "Réponse du serveur\u00a0: 552 5.2.2 Mailbox full. Try later.",
    ),
    ("a percent sign", "The server said: 100% full", "Réponse du serveur\u00a0: 100% full"),
    ("unknown words", "ValueError: no", "ValueError: no"),
    ("nothing", "", ""),
]


@pytest.mark.parametrize(("case", "stored", "said"), CASES)
def test_a_stored_reason_is_said_in_french(case: str, stored: str, said: str) -> None:
    with translation.override("fr"):
        assert retold(stored) == said, case
    with translation.override("en"):
        assert retold(stored) == stored


def test_every_sentence_is_recognised_and_translated() -> None:
    with translation.override("fr"):
        for sentence in SENTENCES:
            blanks = dict.fromkeys(re.findall(r"%\((\w+)\)s", sentence), "x9")
            stored = sentence % blanks
            assert retold(stored) == translation.gettext(sentence) % blanks != stored


def test_a_parser_s_reason_is_one_of_the_sentences() -> None:
    with pytest.raises(AnomalousPayload) as caught:
        mime.parse_mail(b"")
    with translation.override("fr"):
        assert retold(str(caught.value)) == "L’e-mail est vide."
