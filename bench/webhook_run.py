"""Runs inside an installation (with Django): leads recorded webhooks through the pipeline, compares what came of them.

python -m bench.webhook_run FOLDER     prints {"passed": […], "failed": {case: why}, "skipped": {case: why}} as JSON

Each case is a transaction that is rolled back. What a case says was there before (a contact, a conversation, a message)
is made under the keys that our own parser gives to the case's first event, because the case names them by another
system's rows.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import django

django.setup()

from django.db import transaction  # noqa: E402

from comptoir import pipeline  # noqa: E402
from comptoir.channels import services as channels  # noqa: E402
from comptoir.channels.models import ChannelAccount  # noqa: E402
from comptoir.channels.registry import channel  # noqa: E402
from comptoir.contacts.models import Contact, Identity  # noqa: E402
from comptoir.conversations.models import Attachment, Conversation, Message  # noqa: E402
from comptoir.core import clock  # noqa: E402
from comptoir.core.errors import AnomalousPayload, UnsupportedEvent  # noqa: E402
from comptoir.core.types import Inbound, InboundKind, ParseContext  # noqa: E402
from comptoir.inbound import log  # noqa: E402
from comptoir.inbound.services import Arrival, receive  # noqa: E402
from comptoir.outbound.models import Delivery, Part  # noqa: E402
from comptoir.testing import builders  # noqa: E402

KINDS = {
    "instagram": "instagram", "sms": "sms", "telegram": "telegram", "twilio": "sms", "whatsapp": "whatsapp",
    "whatsapp_cloud": "whatsapp",
}  # fmt: skip


def _body(source: str, event: Any) -> bytes:
    """Return an event as the platform would have sent it."""
    if source == "twilio":
        from urllib.parse import urlencode

        return urlencode({key: str(value) for key, value in event.items()}).encode()
    if source == "instagram":
        return json.dumps({"object": "instagram", "entry": event if isinstance(event, list) else [event]}).encode()
    return json.dumps(event).encode()


def _account(kind: str) -> ChannelAccount:
    """Connect an account whose fields are filled with anything: nothing leaves and nothing is checked here."""
    values = {field.name: "x" for field in channel(kind).fields if field.required}
    team = builders.make_team("Bench")
    return builders.make_account(team, kind=kind, options=values)


def _events(account: ChannelAccount, raw: bytes) -> list[Inbound]:
    context = ParseContext(account.pk, account.address, account.options, "webhook", clock.now(), "x", b"k" * 32)
    return channel(account.kind).parse(raw, context, lambda content: "0" * 64)


def _set_up(account: ChannelAccount, setup: Sequence[Mapping[str, Any]], first: Inbound | None) -> None:
    """Make what the case says was there."""
    made = {part["factory"] for part in setup}
    if first is None or not made & {"contact", "contact_inbox", "conversation", "message"}:
        return
    person = first.to[0] if first.kind is InboundKind.OWN and first.to else first.author
    attrs: dict[str, Any] = {}
    for part in setup:
        if part["factory"] == "contact":
            attrs |= part["attrs"]
    contact = builders.make_contact(str(attrs.get("name") or person.name or "Before"), address=person.address or "x",
                                    kind=person.kind)  # fmt: skip
    if made & {"conversation", "message"}:
        row = builders.make_conversation(account, contact=contact)
        row.messages.all().delete()
        Conversation.objects.filter(pk=row.pk).update(thread_key=first.thread_key or None)
        _said(account, row, first)


def _said(account: ChannelAccount, row: Conversation, first: Inbound) -> None:
    """Make the message of ours that a status is about."""
    provider = first.receipt.provider_id if first.receipt else ""
    if not provider:
        return
    message = builders.make_message(row, kind="out", text="Before", delivery="sent")
    delivery = Delivery.objects.get(message=message)
    Part.objects.create(delivery=delivery, account=account, number=0, provider_id=provider)


def _found(account: ChannelAccount) -> dict[str, Any]:
    """Return what there is afterwards."""
    said = Message.objects.filter(conversation__account=account).exclude(text="Before").order_by("id")
    last = said.last()
    files = Attachment.objects.filter(message__in=said)
    people = Contact.objects.filter(conversations__account=account).distinct()
    delivery = Delivery.objects.filter(account=account).last()
    person = people.order_by("-id").first()
    return {
        "contacts_count": people.count(),
        "conversations_count": Conversation.objects.filter(account=account).count(),
        "messages_count": said.count(),
        "attachments_count": files.count(),
        "attachment_type": sorted({file.content_type for file in files}),
        "last_message_content": last.text if last else None,
        "contact_name": person.name if person else None,
        "source_id": [i.address for i in Identity.objects.filter(contact__in=people)],
        "message_status": delivery.state if delivery else None,
        "message_type": {"in": "incoming", "out": "outgoing"}.get(last.kind) if last else None,
    }  # fmt: skip


def _holds(name: str, wanted: Any, op: str, have: Any) -> bool:
    if name == "attachment_type":
        word = {"file": "application", "location": "location", "contact": "contact"}.get(str(wanted), str(wanted))
        return any(word in kind or wanted == "file" for kind in have)
    if name == "source_id":
        bare = str(wanted).removeprefix("whatsapp:").lstrip("+")
        return any(bare == address.removeprefix("whatsapp:").lstrip("+") for address in have)
    if name == "last_message_content":
        return " ".join(str(wanted or "").split()) == " ".join(str(have or "").split())
    return bool(have == wanted) if op == "eq" else bool(have != wanted)


def run_case(source: str, case: Mapping[str, Any]) -> str:
    """Return what differs; '' where the case passes."""
    account = _account(KINDS[source])
    config = channels.account_config(account)
    identify = channel(account.kind).identify
    assert identify is not None
    first: Inbound | None = None
    for number, event in enumerate(case["events"]):
        try:
            pieces = identify(_body(source, event), config)
            if first is None:
                first = next(iter(_events(account, pieces[0].raw)), None)
        except (AnomalousPayload, UnsupportedEvent):
            pieces = []
        if number == 0:
            _set_up(account, case["setup"], first)
        receive([Arrival(account.pk, p.external_id, p.raw, p.conversation_key) for p in pieces])
        while pipeline.digest_shards(log.busy_shards(), limit=100):
            pass
    have = _found(account)
    wrong = [
        f"{a['assert']}: {have.get(a['assert'])!r} instead of {a['op']} {a['value']!r}"
        for a in case["asserts"]
        if not _holds(a["assert"], a["value"], a["op"], have.get(a["assert"]))
    ]
    return "; ".join(wrong)


def main() -> None:
    """Run every case that can be asserted of the channels that there are."""
    told: dict[str, Any] = {"passed": [], "failed": {}, "skipped": {}}
    for path in sorted(Path(sys.argv[1]).glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            if not case.get("asserts"):
                continue
            if path.stem not in KINDS:
                told["skipped"][case["id"]] = f"there is no channel {path.stem}"
                continue
            with transaction.atomic():
                try:
                    with transaction.atomic():
                        wrong = run_case(path.stem, case)
                except Exception as error:  # a case that breaks the program is a failure to be told
                    wrong = f"{type(error).__name__}: {error}"
                transaction.set_rollback(True)
            if wrong:
                told["failed"][case["id"]] = wrong
            else:
                told["passed"].append(case["id"])
    print(json.dumps(told))


if __name__ == "__main__":
    main()
