"""The only writer of channel accounts and their health, and the only place that decrypts credentials (INV-08)."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from comptoir.accounts.models import Team
from comptoir.channels.models import AccountHealth, ChannelAccount
from comptoir.channels.registry import channel
from comptoir.core import crypto
from comptoir.core.errors import InputError
from comptoir.core.types import AccountConfig
from comptoir.journal import services as journal
from comptoir.journal.services import Actor


def account_config(account: ChannelAccount) -> AccountConfig:
    """Return the account with its credentials in clear, for its adapter."""
    return AccountConfig(
        id=account.pk,
        kind=account.kind,
        name=account.name,
        address=account.address,
        options=account.options,
        credentials=crypto.decrypt_mapping(account.credentials),
    )


def split_fields(kind: str, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Divide a connect form's values into options and credentials; refuse what is missing or unknown."""
    options: dict[str, Any] = {}
    secrets: dict[str, str] = {}
    fields = {field.name: field for field in channel(kind).fields}
    for name in values:
        if name not in fields:
            raise InputError(_("“%(name)s” is not a setting of this channel.") % {"name": name}, field=name)
    for field in fields.values():
        value = values.get(field.name, field.default)
        if field.required and value in ("", None):
            raise InputError(_("%(label)s: this is needed.") % {"label": field.label}, field=field.name)
        if field.secret:
            secrets[field.name] = str(value)
        else:
            options[field.name] = value
    return options, secrets


@transaction.atomic
def connect_account(
    *, actor: Actor, kind: str, name: str, team: Team, values: Mapping[str, Any], address: str = "", signature: str = ""
) -> ChannelAccount:
    """Create an account of a channel from the values of its connect form. Raises InputError."""
    options, secrets = split_fields(kind, values)
    account = ChannelAccount.objects.create(
        kind=kind,
        name=name,
        address=address,
        team=team,
        options=options,
        credentials=crypto.encrypt_mapping(secrets),
        signature=signature,
    )
    AccountHealth.objects.create(account=account)
    journal.append(actor=actor, kind="account.connected", facts={"account": account.pk, "name": name, "kind": kind})
    return account


@transaction.atomic
def update_account(
    *,
    actor: Actor,
    account: ChannelAccount,
    name: str,
    team: Team,
    values: Mapping[str, Any],
    address: str,
    signature: str,
    is_active: bool,
) -> None:
    """Change an account. A secret left empty keeps its old value."""
    kept = crypto.decrypt_mapping(account.credentials)
    secret_names = {field.name for field in channel(account.kind).fields if field.secret}
    given = {name_: value for name_, value in values.items() if value or name_ not in secret_names}
    merged = {**{name_: kept[name_] for name_ in secret_names & kept.keys()}, **given}
    account.options, secrets = split_fields(account.kind, merged)
    account.credentials = crypto.encrypt_mapping(secrets)
    account.name, account.team, account.address = name, team, address
    account.signature, account.is_active = signature, is_active
    account.save()
    facts = {"account": account.pk, "name": name, "active": is_active}
    journal.append(actor=actor, kind="account.changed", facts=facts)


@transaction.atomic
def route_account(*, actor: Actor, account: ChannelAccount, team: Team) -> None:
    """Let an account deliver to another team from now on; what it delivered before stays where it is."""
    row = ChannelAccount.objects.select_for_update().get(pk=account.pk)
    if row.team_id == team.pk:
        return
    facts = {"account": row.pk, "name": row.name, "from": row.team_id, "to": team.pk, "to_name": team.name}
    row.team = team
    row.save(update_fields=["team"])
    journal.append(actor=actor, kind="account.routed", facts=facts)


def note_connected(*, account_id: int, at: datetime) -> None:
    """Record that the account's connection works; clears the error."""
    AccountHealth.objects.update_or_create(
        account_id=account_id, defaults={"connected_at": at, "last_error": "", "last_error_at": None}
    )


def note_error(*, account_id: int, at: datetime, reason: str) -> None:
    """Record in words why the account does not work at present."""
    AccountHealth.objects.update_or_create(
        account_id=account_id, defaults={"last_error": reason[:2000], "last_error_at": at}
    )


def note_events(*, account_ids: Iterable[int], at: datetime) -> None:
    """Record that something arrived on these accounts."""
    AccountHealth.objects.filter(account_id__in=sorted(set(account_ids))).update(last_event_at=at)


@transaction.atomic
def replace_credential(*, account_id: int, name: str, value: str) -> None:
    """Keep a secret that a provider renewed (a rotated refresh token); no person's act, so nothing is journalled."""
    account = ChannelAccount.objects.select_for_update().get(pk=account_id)
    secrets = {**crypto.decrypt_mapping(account.credentials), name: value}
    account.credentials = crypto.encrypt_mapping(secrets)
    account.save(update_fields=["credentials"])
