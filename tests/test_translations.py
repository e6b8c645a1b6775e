"""The check of the translations sees what it must, and a person reads one language at a time."""

import gettext

import pytest
from django.test import Client
from django.utils import translation

from comptoir.testing import translations
from comptoir.testing.translations import Entry, incomplete, read_catalogue, stale, uncollected

CATALOGUE = r"""# A comment.
msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\n"

msgid "Save"
msgstr "Enregistrer"

#, python-format
msgid ""
"A long one, with “%(name)s” and "
"a \"second\" line."
msgstr ""
"Une longue, avec « %(name)s » "
"et une suite."

msgctxt "recipients"
msgid "To"
msgstr "À"

msgid "%(n)s day"
msgid_plural "%(n)s days"
msgstr[0] "%(n)s jour"
msgstr[1] ""

#, fuzzy
#| msgid "Old"
msgid "New"
msgstr "Vieux"

#~ msgid "Gone"
#~ msgstr "Parti"
"""


def test_a_catalogue_is_read_with_long_strings_contexts_plurals_and_doubts() -> None:
    assert read_catalogue(CATALOGUE) == {
        ("", "Save"): Entry("", ("Enregistrer",), is_fuzzy=False),
        ("", 'A long one, with “%(name)s” and a "second" line.'): Entry(
            "", ("Une longue, avec « %(name)s » et une suite.",), is_fuzzy=False
        ),
        ("recipients", "To"): Entry("", ("À",), is_fuzzy=False),
        ("", "%(n)s day"): Entry("%(n)s days", ("%(n)s jour", ""), is_fuzzy=False),
        ("", "New"): Entry("", ("Vieux",), is_fuzzy=True),
    }


DONE = Entry("", ("fait",), is_fuzzy=False)


@pytest.mark.parametrize(
    ("case", "wanted", "have", "said"),
    [
        ("complete", {("", "a"): DONE}, {("", "a"): DONE}, []),
        ("missing", {("", "a"): DONE}, {}, ["not in the catalogue: 'a'"]),
        ("another context", {("c", "a"): DONE}, {("c", "a"): DONE, ("", "a"): DONE}, ["no longer in the sources: 'a'"]),
        ("a new plural", {("", "a"): Entry("as", (), False)}, {("", "a"): DONE}, ["not in the catalogue: 'a'"]),
        ("empty", {("", "a"): DONE}, {("", "a"): Entry("", ("",), False)}, ["not translated: 'a'"]),
        ("fuzzy", {("", "a"): DONE}, {("", "a"): Entry("", ("b",), True)}, ["fuzzy: 'a'"]),
        ("half a plural", {("", "a"): Entry("s", (), False)}, {("", "a"): Entry("s", ("x", ""), False)},
         ["not translated: 'a'"]),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(
    case: str, wanted: dict[tuple[str, str], Entry], have: dict[tuple[str, str], Entry], said: list[str]
) -> None:
    assert incomplete(wanted, have) == said, case


def test_the_compiled_catalogue_says_what_the_source_says() -> None:
    folder = translations.ROOT / "locale/fr/LC_MESSAGES"
    have = read_catalogue((folder / "django.po").read_text())
    with (folder / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    assert stale(have, compiled) == []
    changed = {**have, ("", "Save"): DONE, ("recipients", "To"): DONE, ("", "%(n)s message"): DONE}
    assert len(stale(changed, compiled)) == 3


def test_an_alias_that_is_not_collected_is_named() -> None:
    source = "from django.utils.translation import gettext as say, gettext_lazy as _, ngettext\n"
    assert uncollected(source) == ["gettext as say"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("browser", "asked", "language", "words"),
    [
        ("fr-FR,fr;q=0.9,en;q=0.8", "", "fr", "Mot de passe"),
        ("en-GB,en;q=0.9,fr;q=0.8", "", "en", "Password"),
        ("de,fr;q=0.1", "", "fr", "Mot de passe"),
        ("de", "", "en", "Password"),
        ("fr", "en", "en", "Password"),
        ("en", "fr", "fr", "Mot de passe"),
        ("en", "tlh", "en", "Password"),
    ],
)
def test_a_stranger_reads_one_language(client: Client, browser: str, asked: str, language: str, words: str) -> None:
    address = f"/accounts/login/?lang={asked}" if asked else "/accounts/login/"
    response = client.get(address, headers={"accept-language": browser})
    page = response.text
    assert f'<html lang="{language}"' in page and words in page
    assert ("Password" in page) != ("Mot de passe" in page)
    assert response["Content-Language"] == language


def test_english_never_falls_back_to_french() -> None:
    folder = translations.ROOT / "locale/fr/LC_MESSAGES"
    have = read_catalogue((folder / "django.po").read_text())
    with translation.override("en"):
        for context, text in have:
            said = translation.pgettext(context, text) if context else translation.gettext(text)
            assert said == text
