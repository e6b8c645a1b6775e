"""Runs inside an installation (with Django): makes teams, people, accounts and signed-in sessions for a benchmark.

python -m bench.prepare KIND [OPTIONS as JSON]     prints what it made as JSON on its last line
"""

import json
import sys
from typing import Any

import django

django.setup()

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402

from comptoir.accounts.models import Membership, Team, User  # noqa: E402
from comptoir.accounts.services import create_person, set_organisation  # noqa: E402
from comptoir.channels.models import ChannelAccount  # noqa: E402
from comptoir.channels.registry import channel  # noqa: E402
from comptoir.channels.services import connect_account  # noqa: E402
from comptoir.journal.services import SYSTEM  # noqa: E402

SECRET = "bench-secret"


def person(teams: list[Team], email: str = "agent@bench.test", role: str = "admin") -> User:
    """Return the agent of the benchmark, a member of the given teams."""
    user = User.objects.filter(email=email).first()
    if user is None:
        return create_person(
            actor=SYSTEM, email=email, name="Camille Roux", password="bench horse 42", role=role, teams=teams
        )
    for team in teams:
        Membership.objects.get_or_create(user=user, team=team)
    return user


def colleague(team: Team, number: int) -> User:
    """Create one of many agents; without a password, whose hash would take longer than all the rest."""
    email, name = f"desk{number}@bench.test", f"Desk {number}"
    return create_person(actor=SYSTEM, email=email, name=name, password=None, role="agent", teams=[team])


def session_of(user: User) -> str:
    """Return the key of a signed-in session, as the sign-in page would make it."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)


def sandbox(name: str, team: Team, url: str = "") -> ChannelAccount:
    """Connect a sandbox account."""
    return connect_account(actor=SYSTEM, kind="sandbox", name=name, team=team, values={"secret": SECRET, "url": url})


def network(kind: str, team: Team, values: dict[str, Any]) -> ChannelAccount:
    """Connect an account of a network; what its form needs besides is filled with anything."""
    needed = {field.name: "x" for field in channel(kind).fields if field.required}
    return connect_account(actor=SYSTEM, kind=kind, name=kind, team=team, values=needed | values)


def mailbox(team: Team, values: dict[str, Any]) -> ChannelAccount:
    """Connect a mailbox by IMAP."""
    return connect_account(
        actor=SYSTEM, kind="email", name="Support", team=team, values=values, address=values["address"]
    )


def main() -> None:
    """Prepare what the benchmark asks for."""
    options = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    set_organisation(name="Bench", language="en", time_zone="Europe/Paris")
    team, _ = Team.objects.get_or_create(name="Service")
    user = person([*Team.objects.all()])
    told: dict[str, Any] = {"session": session_of(user), "user": user.pk, "team": team.pk, "secret": SECRET}
    if "sandbox" in options:
        account = sandbox("Sandbox", team, options["sandbox"])
        told |= {"account": account.pk, "key": account.public_key}
    if "networks" in options:
        accounts = {kind: network(kind, team, values) for kind, values in options["networks"].items()}
        told["keys"] = {kind: account.public_key for kind, account in accounts.items()}
    if "mailbox" in options:
        told |= {"mailbox": mailbox(team, dict(options["mailbox"])).pk}
    if "people" in options:
        told["sessions"] = [session_of(colleague(team, number)) for number in range(int(options["people"]))]
    print(json.dumps(told))


if __name__ == "__main__":
    main()
