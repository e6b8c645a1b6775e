"""Runs inside an installation (with Django): leads recorded webhooks through the pipeline, compares what came of them.

python -m bench.webhook_run FOLDER     prints {"passed": […], "failed": {case: why}, "skipped": {case: why}} as JSON

Each case is a transaction that is rolled back. What a case says was there before (a contact, a conversation, a message)
is made under the keys that our own parser gives to the case's first event, because the case names them by another
system's rows.
"""

import json
import sys
from collections.abc import Mapping
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


def _set_up(account: ChannelAccount, case: Mapping[str, Any], first: Inbound | None) -> None:
    """Make what the case says was there: its last contact by their address, their conversations, a message of ours.

    The contacts before the last one are what the cases of a file have in common and make only where they name it.
    """
    setup = case["setup"]
    inboxes = [place for place, part in enumerate(setup) if part["factory"] == "contact_inbox"]
    if len(inboxes) > 1:
        setup = setup[inboxes[-2] + 1 :]
        setup = setup[next((n for n, part in enumerate(setup) if part["factory"].startswith("contact")), 0) :]
    if first is None or not setup:
        return
    person = first.to[0] if first.kind is InboundKind.OWN and first.to else first.author
    contact: Contact | None = None
    address, named = person.address, ""
    for part in setup:
        attrs = part["attrs"]
        if part["factory"] == "contact":
            named = str(attrs.get("name") or "")
        elif part["factory"] == "contact_inbox":
            address = str(attrs.get("source_id") or person.address)
            address = person.address if address.startswith("<") else address
            contact = builders.make_contact(named or person.name or "Before", address=address, kind=person.kind)
    rows = sum(part["factory"] == "conversation" for part in setup)
    if contact is None and rows:
        contact = builders.make_contact(named or person.name or "Before", address=address, kind=person.kind)
    row: Conversation | None = None
    for number in range(rows):
        row = builders.make_conversation(account, contact=contact)
        row.messages.all().delete()
        key = first.thread_key.replace(person.address, address) if number == rows - 1 and person.address else ""
        Conversation.objects.filter(pk=row.pk).update(thread_key=key or None)
    for part in setup:
        if part["factory"] == "message" and row is not None:
            message = builders.make_message(
                row, kind="out", text="Before", delivery=part["attrs"].get("status", "sent")
            )
            delivery = Delivery.objects.get(message=message)
            Part.objects.create(
                delivery=delivery, account=account, number=0, provider_id=part["attrs"].get("source_id", "before")
            )


def _events_of(case: Mapping[str, Any]) -> list[Any]:
    """Return the events; where they name the message that was there before, by its id."""
    known = next((part["attrs"].get("source_id") for part in case["setup"] if part["factory"] == "message"), None)
    text = json.dumps(case["events"])
    for name in ("<create(:conversation).messages.last.source_id>", "<create(:message).source_id>"):
        text = text.replace(name, str(known or name))
    events: list[Any] = json.loads(text)
    return events


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
    for number, event in enumerate(_events_of(case)):
        try:
            pieces = identify(_body(source, event), config)
            if first is None:
                first = next(iter(_events(account, pieces[0].raw)), None)
        except (AnomalousPayload, UnsupportedEvent):
            pieces = []
        if number == 0:
            _set_up(account, case, first)
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
