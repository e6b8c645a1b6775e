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
        help_text=_("What the program may do, always within your own teams. As little as it needs."),
        widget=forms.CheckboxSelectMultiple,
    )


class WebhookForm(forms.Form):
    """A webhook, new or changed."""

    name = forms.CharField(label=_("Name"), max_length=120, help_text=_("Which program will hear of it."))
    url = forms.CharField(
        label=_("Address"),
        max_length=500,
        widget=forms.URLInput,
        help_text=_("Each event is sent there by POST, signed, and again until it is answered."),
    )
    kinds = forms.MultipleChoiceField(
        label=_("Events"),
        choices=[(kind, kind) for kind in KINDS],
        help_text=_("None selected: all of them."),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    is_active = forms.BooleanField(
        label=_("Active"),
        required=False,
        initial=True,
        help_text=_("Off: nothing is sent, and nothing is kept for later."),
    )

    def __init__(self, *args: Any, is_new: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if is_new:
            del self.fields["is_active"]
