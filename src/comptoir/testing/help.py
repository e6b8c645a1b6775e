"""Every setting has a label and one line of help, in both languages: walks the fields of every form of the product.

A form's field is told by the form itself (`label`, `help_text`); the connect forms are walked channel by channel.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any

from django import forms
from django.utils import translation

import comptoir
from comptoir.channels.registry import channels

# Not settings: what a customer fills in on a public page is explained by the page, and sign-in is not ours.
LEFT_OUT = frozenset({"comptoir.channels.webform.forms"})
FILTERS = frozenset({"AuditForm"})  # what a list is narrowed by sets nothing


def form_classes() -> Iterator[type[forms.BaseForm]]:
    """Yield every form class that a module of the product named like a forms module defines."""
    for found in pkgutil.walk_packages(comptoir.__path__, "comptoir."):
        if found.name.endswith((".forms", "_forms")) and found.name not in LEFT_OUT:
            module = importlib.import_module(found.name)
            for _name, value in inspect.getmembers(module, inspect.isclass):
                if value.__module__ != found.name or value.__name__ in FILTERS:
                    continue
                if issubclass(value, forms.BaseForm):
                    yield value


def fields() -> Iterator[tuple[str, str, Any, Any]]:
    """Yield (where, name, label, help) of every setting, in the language that is active."""
    for form in form_classes():
        for name, field in form.base_fields.items():  # type: ignore[attr-defined]  # set by the forms' metaclass
            yield f"{form.__module__}.{form.__name__}", name, field.label, field.help_text
    for channel in channels().values():
        for setting in channel.fields:
            yield f"channel {channel.kind}", setting.name, setting.label, setting.help


def without_help() -> list[str]:
    """Return a line for each setting that lacks a label or its help, or whose words are not translated."""
    told: dict[tuple[str, str], dict[str, tuple[str, str]]] = {}
    for language in ("en", "fr"):
        with translation.override(language):
            for where, name, label, help_ in fields():
                told.setdefault((where, name), {})[language] = (str(label or ""), str(help_ or ""))
    return sorted({line for (where, name), words in told.items() for line in _faults(f"{where}: {name}", words)})


def _faults(which: str, words: dict[str, tuple[str, str]]) -> Iterator[str]:
    if not all(words[language][0] for language in words):
        yield f"{which} has no label"
    if not all(words[language][1] for language in words):
        yield f"{which} has no help"
    elif words["en"][1] == words["fr"][1]:
        yield f"{which}: its help is not translated"
