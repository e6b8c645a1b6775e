"""WhatsApp by the Cloud API of Meta: one business number."""

from django.utils.translation import gettext_lazy as _

from comptoir.channels.base import Capability, Channel, Field
from comptoir.channels.whatsapp import client, parse, render, rules, trying, verify

CHANNEL = Channel(
    kind="whatsapp",
    label=_("WhatsApp"),
    icon="channel-whatsapp",
    identity_kind=parse.NETWORK,
    capabilities=frozenset(
        {
            Capability.ATTACHMENTS,
            Capability.RECEIPTS,
            Capability.READS,
            Capability.PRIVATE,
            Capability.EDITS,
            Capability.DELETIONS,
            Capability.REACTIONS,
            Capability.ECHOES,
            Capability.TEMPLATES,
            Capability.CHOICES,
        }
    ),
    events=("message", "receipt", "own", "edit", "deletion", "reaction", "contact"),
    fields=(
        Field("phone_number_id", _("Phone number ID"), _("The long number below the phone number, not the number.")),
        Field(
            "business_id", _("Business account ID"), _("“WhatsApp Business Account ID”; approved texts belong to it.")
        ),
        Field(
            "token",
            _("Access token"),
            _("Of a system user, without an end, with whatsapp_business_messaging and whatsapp_business_management."),
            "password",
            secret=True,
        ),
        Field(
            "app_secret",
            _("App secret"),
            _("In the app’s basic settings; it signs what arrives."),
            "password",
            secret=True,
        ),
        Field(
            "verify_token",
            _("Verify token"),
            _("Any long word; enter the same one where you enter the address of the webhook."),
            "password",
            secret=True,
        ),
        Field(
            "api_url",
            _("Address of the API"),
            _("Only for tests and proxies. Empty: the platform’s own."),
            required=False,
        ),
    ),
    parse=parse.parse,
    send=client.send,
    preview=render.preview,
    verify=verify.verify,
    identify=parse.identify,
    challenge=verify.challenge,
    window=rules.window,
    templates=client.templates,
    rates=rules.RATES,
    recipient_field="phone_number_id",
    fetch=client.fetch,
    test=trying.test,
    steps=trying.steps,
    order=200,
)
