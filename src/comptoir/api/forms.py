"""The forms of the settings pages: a new token, a webhook."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from comptoir.api.services import SCOPES
from comptoir.api.webhooks import KINDS

SCOPE_LABELS = {
    "read": _("read: contacts, conversations, messages, accounts"),
    "write": _("write: answer, note, assign, change, push events"),
    "admin": _("admin: the inbound log with the original bytes"),
}


class TokenForm(forms.Form):
    """A new token."""

    name = forms.CharField(label=_("Name"), max_length=120, help_text=_("Which program will use it."))
    scopes = forms.MultipleChoiceField(
        label=_("Scopes"),
        choices=[(scope, SCOPE_LABELS[scope]) for scope in SCOPES],
        widget=forms.CheckboxSelectMultiple,
    )


class WebhookForm(forms.Form):
    """A webhook, new or changed."""

    name = forms.CharField(label=_("Name"), max_length=120)
    url = forms.CharField(label=_("Address"), max_length=500, widget=forms.URLInput)
    kinds = forms.MultipleChoiceField(
        label=_("Events"),
        choices=[(kind, kind) for kind in KINDS],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    is_active = forms.BooleanField(label=_("Active"), required=False, initial=True)

    def __init__(self, *args: Any, is_new: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if is_new:
            del self.fields["is_active"]
