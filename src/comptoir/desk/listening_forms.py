"""The forms of listening: a saved search, and a source."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from comptoir.accounts.models import Team, User
from comptoir.accounts.queries import teams_of
from comptoir.listening.models import Search, Source, SourceKind
from comptoir.listening.queries import all_sources
from comptoir.listening.rules import LANGUAGES, Wanted, lines_of, read_wanted, terms_of

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

LANGUAGE_NAMES: dict[str, "StrOrPromise"] = {
    "fr": _("French"),
    "en": _("English"),
    "de": _("German"),
    "es": _("Spanish"),
    "it": _("Italian"),
    "nl": _("Dutch"),
    "pt": _("Portuguese"),
}
TERMS = ("words", "phrases", "handles", "hashtags", "exclusions")


def _terms(label: "StrOrPromise", help_text: "StrOrPromise") -> forms.CharField:
    return forms.CharField(
        label=label, required=False, max_length=20_000, help_text=help_text, widget=forms.Textarea(attrs={"rows": 3})
    )


class SearchForm(forms.Form):
    """What a team wants to hear of."""

    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("What your colleagues read in lists."))
    team = forms.ChoiceField(label=_("Team"), help_text=_("Its members see the mentions, and nobody else."))
    words = _terms(_("Words"), _("One a line. Whole words; capitals and accents make no difference."))
    phrases = _terms(_("Phrases"), _("One a line. All words of a line, in this order."))
    handles = _terms(_("Handles"), _("One a line, such as @ondavelle: posts that name this account."))
    hashtags = _terms(_("Hashtags"), _("One a line, such as #ondavelle."))
    exclusions = _terms(_("Not with"), _("One a line: words, phrases, @handles or #hashtags that rule a post out."))
    languages = forms.MultipleChoiceField(
        label=_("Languages"),
        required=False,
        choices=[(code, LANGUAGE_NAMES[code]) for code in LANGUAGES],
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None means all. A post whose language is not sure is kept."),
    )
    sources = forms.MultipleChoiceField(
        label=_("Sources"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None means all, also those that are added later."),
    )
    makes_conversations = forms.BooleanField(
        label=_("Make a conversation of every mention"),
        required=False,
        help_text=_("At most 100 an hour. Without it, people choose on the page."),
    )
    is_active = forms.BooleanField(
        label=_("Listens"), required=False, help_text=_("Off, it finds nothing new and keeps what it has found.")
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._teams = {str(team.pk): team for team in teams_of(user)}
        self._sources = {str(source.pk): source for source in all_sources()}
        teams, sources = self.fields["team"], self.fields["sources"]
        assert isinstance(teams, forms.ChoiceField)
        assert isinstance(sources, forms.ChoiceField)
        teams.choices = [(number, team.name) for number, team in self._teams.items()]
        sources.choices = [(number, source.name) for number, source in self._sources.items()]

    @property
    def wanted(self) -> Wanted:
        """What was typed in, as a value."""
        typed = {name: terms_of(name, list(lines_of(self.cleaned_data[name]))) for name in TERMS}
        return Wanted(**typed, languages=tuple(self.cleaned_data["languages"]))

    @property
    def chosen_team(self) -> Team:
        """The chosen team."""
        return self._teams[self.cleaned_data["team"]]

    @property
    def chosen_sources(self) -> list[Source]:
        """The chosen sources."""
        return [self._sources[number] for number in self.cleaned_data["sources"]]


def initial_of(search: Search) -> dict[str, Any]:
    """Return what a search's form shows."""
    wanted = read_wanted(search.wanted)
    typed: dict[str, Any] = {name: "\n".join(getattr(wanted, name)) for name in TERMS}
    typed["handles"] = "\n".join(f"@{handle}" for handle in wanted.handles)
    typed["hashtags"] = "\n".join(f"#{tag}" for tag in wanted.hashtags)
    return typed | {
        "name": search.name,
        "team": str(search.team_id),
        "languages": list(wanted.languages),
        "sources": [str(number) for number in search.sources.values_list("pk", flat=True)],
        "makes_conversations": search.makes_conversations,
        "is_active": search.is_active,
    }


class SourceForm(forms.Form):
    """A place where is listened."""

    kind = forms.ChoiceField(label=_("Kind"), choices=SourceKind.choices, help_text=_("What is at the address."))
    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("What people read beside a mention."))
    address = forms.CharField(
        label=_("Address"),
        max_length=500,
        help_text=_("Such as wss://jetstream2.us-east.bsky.network, https://mastodon.social or a feed’s address."),
    )
    hashtag = forms.CharField(
        label=_("Hashtag"),
        max_length=100,
        required=False,
        help_text=_("Of a Mastodon server: only this one. Empty: everything public that the server sees."),
    )
    token = forms.CharField(
        label=_("Access token"),
        max_length=500,
        required=False,
        help_text=_("Of a Mastodon server that asks for one. It is kept encrypted and never shown again."),
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    is_active = forms.BooleanField(
        label=_("Listens"), required=False, help_text=_("Off, nothing is asked and nothing is heard.")
    )
