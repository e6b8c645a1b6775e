"""An account of one of the networks of Meta that talks to the stand-in of the Graph API; used by their tests."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from comptoir import pipeline
from comptoir.accounts.models import User
from comptoir.accounts.services import actor_of
from comptoir.channels import services as channels
from comptoir.channels.base import Channel, Request
from comptoir.channels.graph.signature import HEADER, sign
from comptoir.channels.graph.tests.fake import IG, PAGE, SECRET, TOKEN, Graph
from comptoir.channels.models import ChannelAccount
from comptoir.channels.registry import channel
from comptoir.conversations.models import Conversation, Message
from comptoir.core import clock
from comptoir.core.types import AccountConfig, Inbound, ParseContext
from comptoir.inbound import log
from comptoir.inbound.models import Record
from comptoir.inbound.services import Arrival, receive
from comptoir.journal.services import SYSTEM
from comptoir.outbound import sender
from comptoir.outbound.elsewhere import reply_elsewhere
from comptoir.outbound.models import Delivery
from comptoir.outbound.roads import private_roads
from comptoir.outbound.services import Draft, queue_reply
from comptoir.testing.builders import make_team, make_user

FOLDER = Path(__file__).parent.parent.parent
OWN = {"messenger": {"page_id": PAGE}, "facebook": {"page_id": PAGE}, "instagram": {"account_id": IG}}


def fixture(kind: str, name: str) -> bytes:
    """Return the bytes of a fixture."""
    return (FOLDER / kind / "fixtures" / f"{name}.json").read_bytes()


def context(kind: str) -> ParseContext:
    """Return what a parser may know."""
    return ParseContext(1, "", OWN[kind], "webhook", clock.now(), "x", b"k" * 32)


def parsed(kind: str, raw: bytes) -> list[Inbound]:
    """Parse some bytes."""
    return channel(kind).parse(raw, context(kind), lambda content: "0" * 64)


def config_of(kind: str, url: str = "", **options: Any) -> AccountConfig:
    """Return an account without a row."""
    secrets = {"token": TOKEN, "app_secret": SECRET, "verify_token": "word"}
    return AccountConfig(1, kind, kind, "", {**OWN[kind], "api_url": url, **options}, secrets)


@dataclass
class World:
    """One account, an agent, and the platform behind them."""

    kind: str
    graph: Graph
    url: str
    user: User = field(init=False)
    account: ChannelAccount = field(init=False)

    def __post_init__(self) -> None:
        team = make_team()
        self.user = make_user(team)
        values = {**OWN[self.kind], "api_url": self.url, "token": TOKEN, "app_secret": SECRET, "verify_token": "word"}
        self.account = channels.connect_account(actor=SYSTEM, kind=self.kind, name=self.kind, team=team, values=values)

    @property
    def channel(self) -> Channel:
        """The adapter."""
        return channel(self.kind)

    def comes(self, body: bytes | dict[str, Any]) -> None:
        """Let a webhook body arrive, signed, and digest it."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        account = channels.account_config(self.account)
        assert self.channel.verify is not None
        assert self.channel.identify is not None
        self.channel.verify(Request(raw, {HEADER: sign(raw, SECRET)}), account)
        pieces = self.channel.identify(raw, account)
        receive([Arrival(self.account.pk, p.external_id, p.raw, p.conversation_key, "webhook") for p in pieces])
        while pipeline.digest_shards(log.busy_shards(), limit=100):
            pass

    def fixture(self, name: str) -> None:
        """Let a fixture arrive."""
        self.comes(fixture(self.kind, name))

    def answer(self, text: str, *, conversation: Conversation | None = None, **more: Any) -> Delivery:
        """Queue an answer that is due at once."""
        row = conversation or Conversation.objects.get()
        draft = Draft(text, **more)
        delivery = queue_reply(actor=actor_of(self.user), user=self.user, conversation=row, draft=draft)
        Delivery.objects.filter(pk=delivery.pk).update(due_at=clock.now() - timedelta(seconds=1))
        return delivery

    def answers_privately(self, text: str) -> Delivery:
        """Answer the author of a public thread in private, and let it leave."""
        conversation = Conversation.objects.get(is_public=True)
        (road,) = private_roads(self.user, conversation)
        actor = actor_of(self.user)
        delivery = reply_elsewhere(actor=actor, user=self.user, conversation=conversation, road=road, draft=Draft(text))
        return self.leaves(delivery)

    def sends(self, text: str, **more: Any) -> Delivery:
        """Answer and let it leave; return the delivery as it is then."""
        return self.leaves(self.answer(text, **more))

    def leaves(self, delivery: Delivery) -> Delivery:
        """Let what is due leave."""
        Delivery.objects.filter(pk=delivery.pk).update(due_at=clock.now() - timedelta(seconds=1))
        sender.send_one()
        delivery.refresh_from_db()
        return delivery


def message(text: str = "") -> Message:
    """Return the only message from outside, or the one with this text."""
    found = Message.objects.exclude(record=None)
    return found.get(text=text) if text else found.get()


def records() -> list[tuple[str, str]]:
    """Return the state and the reason of all records."""
    return [(row.get_state_display(), row.reason) for row in Record.objects.order_by("id")]


@dataclass
class Given:
    """A hand-over without a database (channels.base.HandOver)."""

    sent: list[str] = field(default_factory=list)
    calls: int = 0

    def __call__(self) -> None:
        self.calls += 1

    def keep(self, provider_id: str) -> None:
        """Remember a part."""
        self.sent.append(provider_id)
