"""The only writer of channel accounts and their health, and the only place that decrypts credentials (INV-08)."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from comptoir.accounts.models import Team
from comptoir.channels.models import AccountHealth, ApprovedTemplate, ChannelAccount
from comptoir.channels.registry import channel
from comptoir.core import bulk, crypto
from comptoir.core.errors import InputError
from comptoir.core.types import AccountConfig
from comptoir.journal import services as journal
from comptoir.journal.services import Actor

BUDGET = "UPDATE channels_accounthealth SET budgets = budgets || %s::jsonb WHERE account_id = %s"
DAY = """
INSERT INTO channels_accountday AS d (day, account_id, done, ignored, failed, refused)
SELECT %s, * FROM unnest(%s::bigint[], %s::int[], %s::int[], %s::int[], %s::int[])
ON CONFLICT ON CONSTRAINT account_day_once DO UPDATE SET done = d.done + excluded.done,
    ignored = d.ignored + excluded.ignored, failed = d.failed + excluded.failed, refused = d.refused + excluded.refused
"""


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
    # Connected anew: what waited for it leaves now, and the next failure is news again.
    AccountHealth.objects.filter(account=account).update(revoked_at=None, paused_until=None, token_expires_at=None)
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


def note_paused(*, account_id: int, until: datetime) -> None:
    """Record that the platform wants nothing from us before an instant; every sender obeys."""
    AccountHealth.objects.update_or_create(account_id=account_id, defaults={"paused_until": until})


@transaction.atomic
def note_revoked(*, account_id: int, at: datetime, reason: str) -> None:
    """Record that the account works no more before an administrator has connected it anew; its messages wait."""
    health, _new = AccountHealth.objects.select_for_update().get_or_create(account_id=account_id)
    is_news = health.revoked_at is None
    health.revoked_at = health.revoked_at or at
    health.last_error, health.last_error_at = reason[:2000], at
    health.save(update_fields=["revoked_at", "last_error", "last_error_at"])
    if is_news:
        name = ChannelAccount.objects.values_list("name", flat=True).get(pk=account_id)
        journal.append(
            actor=journal.SYSTEM,
            kind="account.revoked",
            facts={"account": account_id, "name": name, "reason": reason[:300]},
        )


@transaction.atomic
def note_renewed(*, account_id: int, at: datetime, credentials: Mapping[str, str], expires_at: datetime | None) -> None:
    """Keep a renewed token; no person's act, so nothing is journalled."""
    account = ChannelAccount.objects.select_for_update().get(pk=account_id)
    account.credentials = crypto.encrypt_mapping({**crypto.decrypt_mapping(account.credentials), **credentials})
    account.save(update_fields=["credentials"])
    AccountHealth.objects.update_or_create(
        account_id=account_id,
        defaults={"token_expires_at": expires_at, "connected_at": at, "last_error": "", "last_error_at": None},
    )


def note_budget(*, account_id: int, name: str, limit: int, left: int, resets_at: datetime | None) -> None:
    """Record what the platform says is left of a limit."""
    told = {name: {"limit": limit, "left": left, "resets_at": resets_at.isoformat() if resets_at else None}}
    bulk.fetch_all(BUDGET, [json.dumps(told), account_id])


def note_day(
    *,
    at: datetime,
    done: Mapping[int, int] = {},
    ignored: Mapping[int, int] = {},
    failed: Mapping[int, int] = {},
    refused: Mapping[int, int] = {},
) -> None:
    """Count by account what became of events today."""
    ids = sorted({*done, *ignored, *failed, *refused})
    if ids:
        counts = [[tally.get(pk, 0) for pk in ids] for tally in (done, ignored, failed, refused)]
        bulk.fetch_all(DAY, [at.astimezone(UTC).date(), ids, *counts])


def read_templates(*, account: ChannelAccount, at: datetime) -> int:
    """Ask the platform for the account's templates and keep them; return how many. Raises ChannelError."""
    ask = channel(account.kind).templates
    found = list(ask(account_config(account))) if ask else []
    with transaction.atomic():
        ApprovedTemplate.objects.filter(account=account).delete()
        ApprovedTemplate.objects.bulk_create(
            ApprovedTemplate(
                account=account, name=one.name, language=one.language, body=one.body, category=one.category,
                status=one.status, read_at=at,
            )
            for one in {(one.name, one.language): one for one in found}.values()
        )  # fmt: skip
    return len(found)


def note_events(*, account_ids: Iterable[int], at: datetime) -> None:
    """Record that something arrived on these accounts."""
    AccountHealth.objects.filter(account_id__in=sorted(set(account_ids))).update(last_event_at=at)


@transaction.atomic
def note_options(*, account_id: int, values: Mapping[str, Any]) -> None:
    """Keep what a server told of itself (its limits) among the options; no person's act, so nothing is journalled."""
    account = ChannelAccount.objects.select_for_update().get(pk=account_id)
    if any(account.options.get(name) != value for name, value in values.items()):
        account.options = {**account.options, **values}
        account.save(update_fields=["options"])


@transaction.atomic
def replace_credential(*, account_id: int, name: str, value: str) -> None:
    """Keep a secret that a provider renewed (a rotated refresh token); no person's act, so nothing is journalled."""
    account = ChannelAccount.objects.select_for_update().get(pk=account_id)
    secrets = {**crypto.decrypt_mapping(account.credentials), name: value}
    account.credentials = crypto.encrypt_mapping(secrets)
    account.save(update_fields=["credentials"])
