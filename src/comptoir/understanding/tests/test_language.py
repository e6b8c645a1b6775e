"""The language of short messages."""

import pytest

from comptoir.understanding.language import guess_language


@pytest.mark.parametrize(
    ("label", "text", "expected"),
    [
        ("french", "Bonjour, je n'ai pas reçu ma commande, pouvez-vous vérifier ?", "fr"),
        ("french tweet", "Toujours pas de réseau chez moi depuis hier, c'est long", "fr"),
        ("english", "Hello, the parcel was damaged and I would like a refund", "en"),
        ("german", "Guten Tag, ich habe eine Frage und bitte um eine Antwort", "de"),
        ("spanish", "Hola, mi pedido no llega y es muy importante para mí, gracias", "es"),
        ("not sure: one word", "OK", ""),
        ("not sure: empty", "", ""),
        ("not sure: digits", "12345 67890", ""),
        ("not sure: emoji", "🙂🙂", ""),
    ],
)
def test_languages(label: str, text: str, expected: str) -> None:
    assert guess_language(text) == expected
