"""The fields of the connect form that all networks of Meta share."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from comptoir.channels.base import Field


def fields(id_name: str, id_label: Any, id_help: Any, *, token_help: Any) -> tuple[Field, ...]:
    """Return the fields: whose account, its token, the app's secret, the word for the check, the address."""
    return (
        Field(id_name, id_label, id_help),
        Field("token", _("Access token"), token_help, "password", secret=True),
        Field(
            "app_secret",
            _("App secret"),
            _("From the basic settings of your app at Meta; it signs every event."),
            "password",
            secret=True,
        ),
        Field(
            "verify_token",
            _("Verify token"),
            _("A word of your choice; enter the same one beside the address for events in your app at Meta."),
            "password",
            secret=True,
        ),
        Field(
            "api_url",
            _("Address of the platform"),
            _("Only for tests and proxies; leave it empty."),
            required=False,
        ),
    )
