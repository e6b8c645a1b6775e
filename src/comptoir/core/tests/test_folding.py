"""Templates that are folded once a language render what they rendered before."""

import copy
import re
from typing import Any

import pytest
from django.conf import settings
from django.template import Context, Engine
from django.template.base import TextNode
from django.test import Client, override_settings
from django.utils.translation import override

from comptoir.accounts.models import Role
from comptoir.core.folding import Loader
from comptoir.testing import builders

LIBRARIES = {"i18n": "django.templatetags.i18n", "desk": "comptoir.desk.templatetags.desk"}
PIECES = {
    "words": "{% load i18n %}<b>{% translate 'Solve' %}</b> {% translate 'Open' context 'a state to set' %}",
    "nested": "{% load i18n %}{% if a %}{% for b in c %}{% with d=b %}{% translate 'Solve' %}{{ d }}{% endwith %}"
    "{% empty %}{% translate 'Nobody' %}{% endfor %}{% else %}{% url 'queue' %}{% endif %}",
    "named": "{% load i18n %}{% translate 'Solve' as x %}[{{ x }}]{% url 'queue' as y %}[{{ y }}]",
    "kept": "{% load i18n %}{% translate said %}{% translate 'Solve' noop %}{% translate 'Solve'|upper %}"
    "{% url 'conversation' number %}",
    "addresses": "{% url 'conversation' number %} {% url 'channel_guide' kind %} {% url 'channel_new' 'email' %}"
    "{% url 'contact' number as z %}[{{ z }}]",
    "symbols": "{% load desk %}{% icon 'check' %}{% icon name %}{% icon 'check' as z %}[{{ z }}]",
    "percent": "{% load i18n %}{% autoescape off %}{% translate '100%% < sure' %}{% endautoescape %}",
    "base": "{% load i18n %}<h1>{% block head %}{% translate 'Queue' %}{% endblock %}</h1>",
    "child": "{% extends 'base' %}{% load i18n %}"
    "{% block head %}{{ block.super }} {% translate 'Nobody' %}{% endblock %}",
}
PLAIN = Engine(loaders=[("django.template.loaders.locmem.Loader", PIECES)], libraries=LIBRARIES)
FOLDED = Engine(
    loaders=[("comptoir.core.folding.Loader", [("django.template.loaders.locmem.Loader", PIECES)])],
    libraries=LIBRARIES,
)
VALUES = [
    {"a": True, "c": [1, "<2>"], "said": "Solve", "number": 7, "name": "x", "kind": "email"},
    {"a": True, "c": [], "said": "", "number": "12", "name": "send", "kind": 5},
    {"a": False, "said": "Open", "number": 1234567, "name": "check", "kind": "sms"},
]


@pytest.mark.parametrize("name", PIECES)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_folding_changes_nothing_that_is_seen(name: str, language: str) -> None:
    with override(language):
        for values in VALUES:
            plain = PLAIN.get_template(name).render(Context(values))
            for _time in range(2):  # made, and then remembered
                assert FOLDED.get_template(name).render(Context(values)) == plain


def test_each_language_has_its_own_words_whichever_came_first() -> None:
    engine = Engine(loaders=[(Loader.__module__ + ".Loader", [("django.template.loaders.locmem.Loader", PIECES)])],
                    libraries=LIBRARIES)  # fmt: skip
    seen = []
    for language in ("fr", "en", "fr"):
        with override(language):
            seen.append(engine.get_template("words").render(Context()))
    assert seen[0] == seen[2] != seen[1]
    assert "Solve" in seen[1]


def test_what_is_constant_has_become_one_text() -> None:
    with override("en"):
        nodes = FOLDED.get_template("words").nodelist
    assert [type(node) for node in nodes if not isinstance(node, TextNode)] == [type(nodes[0])]  # {% load %}


SECRET = re.compile(r"(csrf[^\"]*\"[^\"]*\"[^\"]*\"|X-CSRFToken[^}]*|nonce-?[^\"']*|value=\"[A-Za-z0-9]{64}\")")


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(
    "path", ["/", "/conversations/{}/", "/search?q=line", "/settings/", "/me/", "/work/", "/contacts/"]
)
def test_whole_pages_are_the_same_without_folding(path: str, language: str) -> None:
    team = builders.make_team("Service")
    user = builders.make_user(team, role=Role.ADMIN, language=language)
    conversation = builders.make_conversation(builders.make_account(team, kind="sandbox"))
    plain: list[Any] = copy.deepcopy(settings.TEMPLATES)
    plain[0]["OPTIONS"]["loaders"] = plain[0]["OPTIONS"]["loaders"][0][1]

    def page() -> str:
        client = Client()
        client.force_login(user)
        response = client.get(path.format(conversation.pk))
        assert response.status_code == 200
        return SECRET.sub("", response.content.decode())

    page()  # reads the conversation: it is not new any more
    folded = page()
    with override_settings(TEMPLATES=plain):
        assert page() == folded
