"""Prepares the demo: the organisation, its staff, its accounts and its past. Safe to call at every start."""

import contextlib
import hmac
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings

from comptoir import worker
from comptoir.accounts.models import Organisation, Team, User
from comptoir.accounts.queries import organisation
from comptoir.accounts.services import create_person, set_organisation
from comptoir.channels.models import ChannelAccount
from comptoir.channels.services import connect_account, update_account
from comptoir.core import bulk, clock
from comptoir.core.crypto import derive_key
from comptoir.demo import backlog, order, sink, specials, working, writings
from comptoir.demo.doors import BOUTIQUE, MAILBOX_NAMES, SUPPORT, TOPICS, Doors, load_doors
from comptoir.demo.people import DEPARTMENTS, ORGANISATION, SERVICE, SHOP, STAFF, TEAMS
from comptoir.journal.services import SYSTEM

_WORDS = (
    "ancre balise bouee brise cale canot corail crique digue dune embrun estran falaise galet goemon golfe houle iode "
    "jetee jusant lagune lame marin maree mouette nacre oyat phare port quai rade rocher sable sillage sterne treuil "
    "vague vent voile"
).split()
_SIGNATURES = {
    SUPPORT: "Le service client Ondavelle\n01 99 00 26 26, du lundi au samedi de 8 h 30 à 19 h\nondavelle.example",
    BOUTIQUE: "La boutique Ondavelle\n3, quai des Balises, 56000 Vannes\n01 99 00 26 40 – ondavelle.example",
}


def ensure() -> str:
    """Make the demo complete where it is not; return what to print: who can sign in, and where customers write."""
    told = Organisation.objects.filter(id=1).first()
    if (told is not None and not told.is_demo) or (told is None and User.objects.exists()):
        name = told.name if told else "an organisation"
        raise SystemExit(
            f"comptoir: this installation belongs to {name}; the demo does not mix with it. "
            "Give the demo a folder of its own: COMPTOIR_HOME=/some/folder comptoir up --demo"
        )
    try:
        doors: Doors | None = load_doors()
    except LookupError:
        doors = None
    if doors is None or not specials.is_past_complete(doors):
        with _without_waiting_for_the_disk():
            _prepare()
            _happen(load_doors())
    working.ensure()
    return _greeting()


@contextlib.contextmanager
def _without_waiting_for_the_disk() -> Iterator[None]:
    """Let the seed's thousand commits return before they are on disk: what a crash loses is made again."""
    bulk.fetch_all("SET synchronous_commit TO off", [])
    try:
        yield
    finally:
        bulk.fetch_all("SET synchronous_commit TO on", [])


def password() -> str:
    """Return the demo's password: the same at every start, another one on every installation."""
    digits = hmac.digest(derive_key("demo-password"), b"staff", "sha256")
    words = [_WORDS[byte % len(_WORDS)] for byte in digits[:3]]
    return "-".join([*words, str(10 + digits[3] % 90)])


def _prepare() -> None:
    """Create the organisation, its people and its accounts, as of three weeks ago."""
    with clock.showing(clock.now() - timedelta(days=24)):
        set_organisation(name=ORGANISATION, language="fr", time_zone="Europe/Paris", is_demo=True)
        teams = {
            name: Team.objects.get_or_create(name=name, defaults={"department": DEPARTMENTS[name]})[0] for name in TEAMS
        }
        _hire(teams)
        _connect(teams)
        writings.write_down()


def _hire(teams: Mapping[str, Team]) -> None:
    """Create the staff. They share one password, which is hashed once: a hash costs a quarter of a second."""
    for number, colleague in enumerate(STAFF):
        if not User.objects.filter(email=colleague.email).exists():
            create_person(
                actor=SYSTEM, email=colleague.email, name=colleague.name, password=None if number else password(),
                role=colleague.role, teams=[teams[name] for name in colleague.teams], language=colleague.language,
            )  # fmt: skip
    hashed = User.objects.get(email=STAFF[0].email).password
    User.objects.filter(email__in=[colleague.email for colleague in STAFF[1:]]).update(password=hashed)


def _connect(teams: Mapping[str, Team]) -> None:
    port = sink.free_port()
    for address, team in ((SUPPORT, teams[SERVICE]), (BOUTIQUE, teams[SHOP])):
        _account("email", MAILBOX_NAMES[address], team, mailbox_values(address, port), address, _SIGNATURES[address])
    support = ChannelAccount.objects.get(kind="email", address=SUPPORT)
    # Titles and greetings stay empty: the product's own words come in the visitor's language.
    form = {"topics": "\n".join(TOPICS.values()), "reply_account": support.pk}
    _account("webform", "Formulaire du site", teams[SERVICE], form, "ondavelle.example/contact")
    chat = {"title": ORGANISATION, "reply_account": support.pk}
    _account("webchat", "Chat du site", teams[SERVICE], chat, "ondavelle.example")
    secret = derive_key("demo-sandbox").hex()
    _account("sandbox", "Bac à sable", teams[SERVICE], {"secret": secret, "url": ""})


def _account(
    kind: str, name: str, team: Team, values: Mapping[str, Any], address: str = "", signature: str = ""
) -> None:
    if not ChannelAccount.objects.filter(kind=kind, name=name).exists():
        connect_account(
            actor=SYSTEM, kind=kind, name=name, team=team, values=values, address=address, signature=signature
        )


def mailbox_values(address: str, port: int) -> dict[str, Any]:
    """Return the settings of a mailbox of the demo: nothing to fetch, and the demo's own server to send by."""
    return {"address": address, "smtp_host": sink.HOST, "smtp_port": port, "smtp_security": "none"}


def _happen(doors: Doors) -> None:
    """Let the past happen up to the moment at which the mailboxes were connected: a second call finds the same past."""
    mailbox = doors.mailboxes[SUPPORT]
    base = mailbox.created_at
    with sink.mail_server(int(mailbox.options["smtp_port"]), lambda raw: None) as port:
        tell_port(doors, port)
        with doors.importing():
            places = specials.post_letters(doors, base=base)
            specials.post_specials(doors, base=base)
        backlog.play_past(doors, base=base)
        specials.answer_letters(places, base=base)
    specials.post_bounce(doors, places[1], base=base)
    specials.post_unreadable(doors, base=base)
    worker.digest_all()
    with clock.showing(base):
        order.put_in_order()


def tell_port(doors: Doors, port: int) -> None:
    """Tell the mailboxes where the demo's mail server listens, when that changed."""
    for address, account in doors.mailboxes.items():
        if account.options.get("smtp_port") != port:
            update_account(
                actor=SYSTEM, account=account, name=account.name, team=account.team,
                values={**account.options, "smtp_port": port}, address=address, signature=account.signature,
                is_active=account.is_active,
            )  # fmt: skip


def _greeting() -> str:
    rows = [(c.name, c.email, c.role, ", ".join(c.teams)) for c in STAFF]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["   ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    table = "\n".join(f"  {line}" for line in lines)
    return (
        f"\nThis is {organisation().name}, an invented operator. Its staff sign in with the password  {password()}\n\n"
        f"{table}\n\n"
        f"  Write as a customer (chat, form):  {settings.PUBLIC_URL}/demo/\n"
    )
