"""The database folds accents away for search, whatever the script."""

import pytest
from django.db import connection

CASES = [
    ("plain ascii", "No dial tone", "No dial tone"),
    ("french", "Éléphant déjà reçu à Noël", "Elephant deja recu a Noel"),
    ("ligature and typographic apostrophe", "l’œuvre", "l'oeuvre"),
    ("letters that do not decompose", "Łódź Søren straße Đorđe ısı", "Lodz Soren strasse Dorde isi"),
    ("decomposed already", "re\u0301gle\u0301", "regle"),
    ("vietnamese, marks upon marks", "Việt Nam", "Viet Nam"),
    ("kana keep their voicing beside french", "ガス réglé", "ガス regle"),
    ("hangul stays whole", "한국 déjà", "한국 deja"),
    ("emoji", "🙂 été", "🙂 ete"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("case", "value", "folded"), CASES, ids=[case for case, _, _ in CASES])
def test_accents_fold(case: str, value: str, folded: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT comptoir_fold(%s)", [value])
        assert cursor.fetchone() == (folded,)
