"""Every address of the product has a rule, and keeps it (INV-06).

The resolver is walked, so that a view added tomorrow without a line in RULES fails here. Whatever is not public sends a
stranger to sign in (or answers 401 or 404) and changes nothing; whatever names an object answers 403 or 404 to somebody
of another team, whatever their role, and changes nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from comptoir.accounts.invitations import invite_person
from comptoir.accounts.models import Role, StaffSession, Team, User
from comptoir.accounts.services import actor_of
from comptoir.api import services as tokens
from comptoir.api import webhooks
from comptoir.api.models import Token, WebhookCall
from comptoir.calendars import services as calendars
from comptoir.contacts import fields
from comptoir.contacts.services import merge_contacts
from comptoir.conversations import changing, labelling, linking, placing, saving
from comptoir.conversations.filtering import QueueFilter
from comptoir.core import clock
from comptoir.drafts.services import attach_file
from comptoir.knowledge.services import ReplyWords, save_macro, save_reply
from comptoir.routing import services as routing
from comptoir.routing.rules.conditions import Action, Definition
from comptoir.testing.builders import (
    make_account,
    make_attachment,
    make_burst,
    make_contact,
    make_conversation,
    make_import,
    make_mention,
    make_message,
    make_notification,
    make_passkey,
    make_record,
    make_reminder,
    make_search,
    make_team,
    make_user,
)

pytestmark = pytest.mark.django_db
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"

PUBLIC = "public"  # anybody: sign-in, forms, chats, the description of the API
SELF = "self"  # signed in; about the person alone
STAFF = "staff"  # signed in; a list of what the person may see
OFFICE = "office"  # signed in, with a role that an agent does not have; about the installation
OBJECT = "object"  # signed in, and the object named in the address belongs to one of the person's teams
TOKEN = "token"  # a token of the API; a list of what its person may see
TOKEN_OBJECT = "token object"

RULES: dict[str, str] = {
    "": STAFF,
    "next/": STAFF,
    "work/": STAFF,
    "views/": STAFF,
    "views/new/": SELF,
    "views/counts/": STAFF,
    "views/preview/": STAFF,
    "views/<int:view_id>/": OBJECT,
    "views/<int:view_id>/deletion/": OBJECT,
    "views/<int:view_id>/position/": OBJECT,
    "conversations/batch/": STAFF,
    "conversations/batch/form/": STAFF,
    "conversations/batch/menus/<slug:part>/": STAFF,
    "conversations/batch/<int:change_id>/undo/": OBJECT,
    "conversations/<int:conversation_id>/": OBJECT,
    "conversations/<int:conversation_id>/timeline/": OBJECT,
    "conversations/<int:conversation_id>/messages/": OBJECT,
    "conversations/<int:conversation_id>/draft/": OBJECT,
    "conversations/<int:conversation_id>/draft/files/": OBJECT,
    "conversations/<int:conversation_id>/draft/files/<slug:file_id>/removal/": OBJECT,
    "conversations/<int:conversation_id>/draft/disposal/": OBJECT,
    "conversations/<int:conversation_id>/people/": OBJECT,
    "conversations/<int:conversation_id>/preview/": OBJECT,
    "conversations/<int:conversation_id>/roads/": OBJECT,
    "conversations/<int:conversation_id>/replies/": OBJECT,
    "conversations/<int:conversation_id>/replies/<int:reply_id>/use/": OBJECT,
    "conversations/<int:conversation_id>/macros/": OBJECT,
    "conversations/<int:conversation_id>/macros/undo/": OBJECT,
    "conversations/<int:conversation_id>/macros/<int:macro_id>/": OBJECT,
    "conversations/<int:conversation_id>/assignment/": OBJECT,
    "conversations/<int:conversation_id>/state/": OBJECT,
    "conversations/<int:conversation_id>/snooze/": OBJECT,
    "conversations/<int:conversation_id>/priority/": OBJECT,
    "conversations/<int:conversation_id>/labels/": OBJECT,
    "conversations/<int:conversation_id>/unread/": OBJECT,
    "conversations/<int:conversation_id>/panel/": OBJECT,
    "conversations/<int:conversation_id>/fields/": OBJECT,
    "conversations/<int:conversation_id>/links/": OBJECT,
    "links/<int:link_id>/removal/": OBJECT,
    "conversations/<int:conversation_id>/export/": OBJECT,
    "conversations/<int:conversation_id>/export.<slug:form>": OBJECT,
    "conversations/<int:conversation_id>/merge/": OBJECT,
    "conversations/<int:conversation_id>/merges/": OBJECT,
    "conversations/<int:conversation_id>/moves/": OBJECT,
    "conversations/<int:conversation_id>/splits/": OBJECT,
    "conversations/<int:conversation_id>/presence/": OBJECT,
    "conversations/<int:conversation_id>/following/": OBJECT,
    "conversations/<int:conversation_id>/reminders/": OBJECT,
    "reminders/<int:reminder_id>/cancellation/": OBJECT,
    "placements/<int:placement_id>/undo/": OBJECT,
    "messages/<int:message_id>/place/": OBJECT,
    "messages/<int:message_id>/hiding/": OBJECT,
    "messages/<int:message_id>/html/": OBJECT,
    "messages/<int:message_id>/original/": OBJECT,
    "messages/<int:message_id>/source/": OBJECT,
    "attachments/<int:attachment_id>/": OBJECT,
    "deliveries/<int:delivery_id>/cancellation/": OBJECT,
    "deliveries/<int:delivery_id>/retry/": OBJECT,
    "deliveries/<int:delivery_id>/confirmation/": OBJECT,
    "search": STAFF,
    "palette": STAFF,
    "keys/": STAFF,
    "contacts/": STAFF,
    "contacts/<int:contact_id>/": OBJECT,
    "contacts/<int:contact_id>/fields/": OBJECT,
    "contacts/<int:contact_id>/merges/": OBJECT,
    "contacts/merges/<int:merge_id>/undo/": OBJECT,
    "intake/": OFFICE,
    "intake/<int:record_id>/": OBJECT,
    "intake/replays/": OFFICE,
    "channels/": STAFF,
    "channels/new/<slug:kind>/": OFFICE,
    "channels/<int:account_id>/": OBJECT,
    "channels/<int:account_id>/test/": OBJECT,
    "channels/<int:account_id>/health/": OBJECT,
    "channels/<int:account_id>/replay/": OBJECT,
    "channels/<int:account_id>/templates/": OBJECT,
    "channels/compare/": STAFF,
    "channels/guides/<slug:kind>/": STAFF,
    "drafts/": STAFF,
    "replies/": STAFF,
    "replies/new/": STAFF,
    "replies/<int:reply_id>/": OBJECT,
    "replies/<int:reply_id>/deletion/": OBJECT,
    "macros/": STAFF,
    "macros/new/": STAFF,
    "macros/<int:macro_id>/": OBJECT,
    "macros/<int:macro_id>/deletion/": OBJECT,
    "listening/": STAFF,
    "listening/<int:mention_id>/dismissal/": OBJECT,
    "listening/<int:mention_id>/conversation/": OBJECT,
    "listening/bursts/<int:burst_id>/dismissal/": OBJECT,
    "settings/listening/": OFFICE,
    "settings/listening/new/": OFFICE,
    "settings/listening/<int:search_id>/": OBJECT,
    "settings/listening/<int:search_id>/deletion/": OBJECT,
    "settings/listening/sources/new/": OFFICE,
    "settings/listening/sources/<int:source_id>/": OFFICE,
    "settings/listening/sources/<int:source_id>/deletion/": OFFICE,
    "me/": SELF,
    "settings/labels/": OFFICE,
    "settings/labels/<int:label_id>/": OFFICE,
    "settings/labels/<int:label_id>/merge/": OFFICE,
    "settings/labels/<int:label_id>/deletion/": OFFICE,
    "settings/fields/": OFFICE,
    "settings/fields/<int:field_id>/": OFFICE,
    "settings/fields/<int:field_id>/position/": OFFICE,
    "settings/fields/<int:field_id>/deletion/": OFFICE,
    "me/presence/": SELF,
    "hours/": STAFF,
    "hours/<int:team_id>/": OBJECT,
    "hours/<int:calendar_id>/removal/": OBJECT,
    "hours/<int:calendar_id>/exceptions/": OBJECT,
    "hours/exceptions/<int:closure_id>/removal/": OBJECT,
    "rules/": OFFICE,
    "rules/new/": OFFICE,
    "rules/log/": OFFICE,
    "rules/<int:rule_id>/": OBJECT,
    "rules/<int:rule_id>/activation/": OBJECT,
    "rules/<int:rule_id>/place/": OBJECT,
    "rules/<int:rule_id>/removal/": OBJECT,
    "rules/<int:rule_id>/trial/": OBJECT,
    "team/": OFFICE,
    "team/<int:team_id>/": OBJECT,
    "team/<int:team_id>/work/": OBJECT,
    "team/<int:team_id>/people/<int:user_id>/": OBJECT,
    "team/<int:team_id>/shifts/": OBJECT,
    "me/reminders/": SELF,
    "me/notifications/": SELF,
    "me/notifications/fresh/": SELF,
    "me/notifications/reading/": SELF,
    "me/notifications/preferences/": SELF,
    "notifications/<int:notification_id>/": OBJECT,
    "manifest.webmanifest": PUBLIC,
    "sw.js": PUBLIC,
    "offline": PUBLIC,
    "me/sessions/": SELF,
    "me/sessions/<int:session_id>/ending/": OBJECT,
    "me/sessions/endings/": SELF,
    "invitations/<str:token>/": PUBLIC,  # whoever holds the link
    "settings/": STAFF,  # shows to everybody the settings that they may open
    "settings/people/": OFFICE,
    "settings/people/invitations/": OFFICE,
    "settings/people/invitations/<int:invitation_id>/renewal/": OFFICE,
    "settings/people/invitations/<int:invitation_id>/withdrawal/": OFFICE,
    "settings/people/<int:person_id>/": OFFICE,
    "settings/people/<int:person_id>/place/": OFFICE,
    "settings/people/<int:person_id>/closure/": OFFICE,
    "settings/people/<int:person_id>/reopening/": OFFICE,
    "settings/people/<int:person_id>/sign-out/": OFFICE,
    "settings/people/<int:person_id>/second-factor-removal/": OFFICE,
    "settings/teams/": OFFICE,
    "settings/teams/<int:team_id>/": OFFICE,
    "settings/teams/<int:team_id>/members/": OFFICE,
    "settings/teams/<int:team_id>/inboxes/": OFFICE,
    "settings/teams/<int:team_id>/deletion/": OFFICE,
    "settings/security/": OFFICE,
    "settings/security/sign-on/": OFFICE,
    "settings/audit/": OFFICE,
    "settings/audit/export/": OFFICE,
    "accounts/sign-on/": PUBLIC,
    "accounts/sign-on/callback/": PUBLIC,
    "accounts/2fa/": SELF,
    "accounts/2fa/authenticate/": PUBLIC,  # between password and second factor; sends anybody else to sign in
    "accounts/2fa/reauthenticate/": SELF,
    "accounts/2fa/totp/activate/": SELF,
    "accounts/2fa/totp/deactivate/": SELF,
    "accounts/2fa/recovery-codes/": SELF,
    "accounts/2fa/recovery-codes/generate/": SELF,
    "accounts/2fa/recovery-codes/download/": SELF,
    "accounts/2fa/webauthn/": SELF,
    "accounts/2fa/webauthn/add/": SELF,
    "accounts/2fa/webauthn/reauthenticate/": SELF,
    "accounts/2fa/webauthn/keys/<int:pk>/remove/": SELF,
    "accounts/2fa/webauthn/keys/<int:pk>/edit/": SELF,
    "accounts/2fa/webauthn/login/": PUBLIC,
    "setup/": OFFICE,  # while nobody is there: founding.py says who may begin
    "setup/mailbox/": OFFICE,
    "setup/mailbox/servers/": OFFICE,
    "setup/mailbox/<int:account_id>/": OBJECT,
    "setup/mailbox/<int:account_id>/steps/<int:number>/": OBJECT,
    "setup/mailbox/<int:account_id>/arrival/": OBJECT,
    "settings/imports/": OFFICE,
    "settings/imports/<int:import_id>/": OBJECT,
    "settings/imports/<int:import_id>/confirmation/": OBJECT,
    "settings/imports/<int:import_id>/columns/": OBJECT,
    "settings/imports/<int:import_id>/withdrawal/": OBJECT,
    "accounts/login/": PUBLIC,
    "accounts/logout/": PUBLIC,
    "accounts/inactive/": PUBLIC,
    "accounts/signup/": PUBLIC,  # closed: says so
    "accounts/reauthenticate/": SELF,
    "accounts/email/": SELF,
    "accounts/confirm-email/": PUBLIC,
    "accounts/password/change/": SELF,
    "accounts/password/set/": SELF,
    "accounts/password/reset/": PUBLIC,
    "accounts/login/code/confirm/": PUBLIC,
    r"accounts/^confirm-email/(?P<key>[-:\w]+)/$": PUBLIC,
    "accounts/password/reset/key/done/": PUBLIC,
    "accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": PUBLIC,
    "accounts/password/reset/done/": PUBLIC,
    "api/v1/docs": PUBLIC,
    "api/v1/openapi.json": PUBLIC,
    "api/v1/^.*$": PUBLIC,  # says that there is nothing
    "api/v1/me": TOKEN,
    "api/v1/contacts": TOKEN,
    "api/v1/contacts/<contact_id>": TOKEN_OBJECT,
    "api/v1/accounts": TOKEN,
    "api/v1/accounts/<account_id>": TOKEN_OBJECT,
    "api/v1/conversations": TOKEN,
    "api/v1/conversations/<conversation_id>": TOKEN_OBJECT,
    "api/v1/conversations/<conversation_id>/messages": TOKEN_OBJECT,
    "api/v1/conversations/<conversation_id>/notes": TOKEN_OBJECT,
    "api/v1/conversations/<conversation_id>/replies": TOKEN_OBJECT,
    "api/v1/messages/<message_id>": TOKEN_OBJECT,
    "api/v1/attachments/<attachment_id>": TOKEN_OBJECT,
    "api/v1/intake/records": TOKEN,
    "api/v1/intake/records/<record_id>": TOKEN_OBJECT,
    "api/v1/intake/records/<record_id>/replay": TOKEN_OBJECT,
    "api/v1/intake/<account>": TOKEN_OBJECT,
    "settings/api/": OFFICE,
    "settings/api/tokens/": OFFICE,
    "settings/api/tokens/<int:token_id>/revocation/": OFFICE,
    "settings/api/webhooks/": OFFICE,
    "settings/api/webhooks/<int:webhook_id>/": OFFICE,
    "settings/api/webhooks/<int:webhook_id>/deletion/": OFFICE,
    "settings/api/calls/<int:call_id>/replay/": OFFICE,
    "demo/": PUBLIC,
    "demo/write": PUBLIC,
    "c/webform/<str:key>/": PUBLIC,
    "c/webform/<str:key>/sent/<str:reference>/": PUBLIC,
    "c/webchat/<str:key>/": PUBLIC,
    "c/webchat/<str:key>/session": PUBLIC,
    "c/webchat/<str:key>/messages": PUBLIC,
    "c/webchat/<str:key>/contact": PUBLIC,
    "c/webchat/<str:key>/history": PUBLIC,
    "c/webchat/<str:key>/poll": PUBLIC,
}


def routes() -> dict[str, URLPattern]:
    """Return every address of the product by its pattern."""

    def walk(patterns: list[URLPattern | URLResolver], before: str) -> Iterator[tuple[str, URLPattern]]:
        for pattern in patterns:
            route = before + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, route)
            else:
                yield route, pattern

    return dict(walk(get_resolver().url_patterns, ""))


ROUTES = routes()


def of(*rules: str) -> list[str]:
    """Return the routes under these rules; those without a rule are the first test's to find."""
    return sorted(route for route in ROUTES if RULES.get(route) in rules)


@dataclass(frozen=True, slots=True)
class Theirs:
    """What belongs to another team: the numbers to put into addresses, and people to try them with."""

    numbers: dict[str, object]
    payload: dict[str, Any]
    owner: User


@pytest.fixture
def theirs(db: None) -> Theirs:
    team = make_team()
    owner = make_user(team, role=Role.ADMIN)
    actor, account = actor_of(owner), make_account(team, kind="sandbox", public_key="theirkey")
    conversation, other = make_conversation(account), make_conversation(account)
    message = conversation.messages.get()
    first, second = make_message(other, text="one"), make_message(other, text="two")
    answer = make_message(conversation, kind="out", user=owner, delivery="failed")
    moved = placing.move_messages(actor=actor, user=owner, source=other, target=conversation, message_ids=[first.pk])
    merge = merge_contacts(actor=actor, user=owner, survivor=conversation.contact, absorbed=make_contact())
    webhook, _ = webhooks.create_webhook(actor=actor, user=owner, name="theirs", url="https://example.org/")
    call = WebhookCall.objects.create(webhook=webhook, event_id=1, state="failed", due_at=clock.now())
    tokens.create_token(actor=actor, user=owner, name="theirs", scopes=["read"])
    record = make_record(account)
    label = labelling.create_label(actor=actor, name="Theirs", colour="blue")
    own = fields.create_field(actor=actor, subject="conversation", name="Contract", kind="text")
    link = linking.link_conversations(actor=actor, user=owner, one=conversation, other=other)
    change = changing.Change("labels", add=(label.pk,))
    outcome = changing.change_conversations(actor=actor, user=owner, ids=[conversation.pk], change=change)
    assert outcome.record is not None
    view = saving.save_view(actor=actor, user=owner, name="Theirs", chosen=QueueFilter(), scope="personal", team=None)
    words = ReplyWords(name="No dial tone, again", bodies={"en": "Dear Ada Martin"}, teams=[team])
    steps = [{"do": "state", "with": "solved"}]
    macro = save_macro(actor=actor, user=owner, name="No dial tone at all", steps=steps, teams=[team])
    draft = attach_file(user=owner, conversation=conversation, name="a.txt", kind="text/plain", content=b"No dial tone")
    calendar = calendars.save_calendar(
        actor=actor, team=team, zone="Europe/Paris", week=["9-18", *[""] * 6], is_always_open=False
    )
    today = clock.now().date()
    (closure,) = calendars.add_closure(actor=actor, calendar=calendar, first_on=today, last_on=None, is_open=False)
    rule = routing.save_rule(
        actor=actor, user=owner, rule=None, name="theirs", team=team, hourly_limit=10,
        definition=Definition("created", actions=(Action("priority", "2"),)),
    )  # fmt: skip
    invitation = invite_person(actor=actor, email="new@example.org", role=Role.AGENT, teams=[team], language="en")
    session = StaffSession.objects.create(
        user=owner, session_key="theirs", started_at=clock.now(), seen_at=clock.now(), agent="Firefox"
    )
    search = make_search(team)
    mention = make_mention(search, text="No dial tone in the press")
    numbers: dict[str, object] = {
        "conversation_id": conversation.pk,
        "placement_id": moved.pk,
        "message_id": message.pk,
        "attachment_id": make_attachment(message).pk,
        "delivery_id": answer.delivery.pk,
        "contact_id": conversation.contact_id,
        "merge_id": merge.pk,
        "record_id": record.pk,
        "reply_id": save_reply(actor=actor, user=owner, words=words).pk,
        "macro_id": macro.pk,
        "file_id": draft.files[0]["id"],
        "account_id": account.pk,
        "account": account.pk,
        "token_id": Token.objects.get(name="theirs").pk,
        "webhook_id": webhook.pk,
        "call_id": call.pk,
        "team_id": team.pk,
        "user_id": owner.pk,
        "calendar_id": calendar.pk,
        "closure_id": closure.pk,
        "rule_id": rule.pk,
        "invitation_id": invitation.pk,
        "person_id": make_user(team, name="Paula Person").pk,
        "session_id": session.pk,
        "pk": make_passkey(owner).pk,
        "kind": "sandbox",
        "label_id": label.pk,
        "field_id": own.pk,
        "link_id": link.pk,
        "change_id": outcome.record.pk,
        "view_id": view.pk,
        "part": "people",
        "reminder_id": make_reminder(owner, conversation).pk,
        "notification_id": make_notification(owner, conversation).pk,
        "form": "json",
        "import_id": make_import(account).pk,
        "number": 0,
        "mention_id": mention.pk,
        "search_id": search.pk,
        "source_id": mention.source_id,
        "burst_id": make_burst(search).pk,
    }
    payload = {
        "text": "I was here", "state": "solved", "assignee": owner.pk, "team": team.pk, "priority": "2",
        "until": "tomorrow", "do": "solved", "pick": [conversation.pk, other.pk], "target": other.pk,
        "message": message.pk, "messages": [second.pk], "absorbed": other.contact_id, "record": record.pk,
        "tab": "0123456789abcdef", "typing": "1", "follow": "1", "when": "tomorrow",
        "role": "admin", "teams": [team.pk], "email": "m@example.org", "language": "en", "required": "1",
        "department": "other", "add": owner.pk, "account": account.pk,
        "name": "Mallory", "url": "https://a/", "to": "a@example.org", "id": "x1",
        "label": label.pk, "colour": "red", "f_contract": "42", "subject": "contact", "kind": "text", "waits": "yes",
        "active": "yes", "mode": "round_robin", "zone": "UTC", "day0": "9-12", "e-first_on": "2030-01-01",
        "presence": "offline",
    }  # fmt: skip
    return Theirs(numbers, payload, owner)


def address(route: str, theirs: Theirs) -> str:
    """Put their objects into a route; a parameter that nobody knows how to fill is a view without a rule."""
    path = route
    for name in ROUTES[route].pattern.converters:
        assert name in theirs.numbers, f"“{route}”: say in `theirs` what “{name}” is"
        number = str(theirs.numbers[name])
        path = path.replace(f"<int:{name}>", number).replace(f"<slug:{name}>", number).replace(f"<{name}>", number)
    return "/" + path


def everything() -> dict[str, list[Any]]:
    """Return all rows of all tables that requests must not have changed; sessions may."""
    free = {"sessions.session", "accounts.staffsession", "contenttypes.contenttype", "auth.permission", "auth.group"}
    found: dict[str, list[Any]] = {}
    for model in apps.get_models():
        label = model._meta.label_lower
        if label not in free and not model._meta.proxy:
            rows = model._default_manager.order_by("pk").values()
            found[label] = [
                {name: value for name, value in row.items() if name not in {"last_login", "last_used_at"}}
                for row in rows
            ]
    return found


def attempts(client: Client, path: str, theirs: Theirs) -> dict[str, int]:
    """Try every method; return the status of each."""
    found = {
        "GET": client.get(path),
        "POST": client.post(path, theirs.payload),
        "HX": client.post(path, theirs.payload, headers={"HX-Request": "true"}),
        "PUT": client.put(path, theirs.payload, content_type="application/json"),
        "PATCH": client.patch(path, theirs.payload, content_type="application/json"),
        "DELETE": client.delete(path),
    }
    for method, response in found.items():
        if response.status_code == 302:
            assert response.headers["Location"].startswith("/accounts/"), (method, path, response.headers["Location"])
    return {method: response.status_code for method, response in found.items()}


def signed_in(*teams: Any, role: str) -> Client:
    client = Client()
    client.force_login(make_user(*teams, role=role), backend=BACKEND)
    return client


def test_every_address_has_a_rule_and_every_rule_an_address() -> None:
    without = sorted(set(ROUTES) - set(RULES))
    assert not without, f"Say in RULES who may open these, and that it is kept: {without}"
    gone = sorted(set(RULES) - set(ROUTES))
    assert not gone, f"These addresses no longer exist: {gone}"


def check(rules: tuple[str, ...], client: Client, theirs: Theirs, allowed: set[int], some: set[int]) -> None:
    """Try every address under the rules: only `allowed` statuses, at least one of `some`, and nothing changed."""
    before = everything()
    for route in of(*rules):
        statuses = attempts(client, address(route, theirs), theirs)
        assert set(statuses.values()) <= allowed, f"{route}: {statuses}"
        assert some & set(statuses.values()), f"{route}: {statuses}"
        assert everything() == before, f"{route} changed something"


def test_a_stranger_is_sent_to_sign_in_and_changes_nothing(theirs: Theirs) -> None:
    check((SELF, STAFF, OFFICE, OBJECT), Client(), theirs, {302, 401, 404, 405}, {302, 401, 404})


@pytest.mark.parametrize("is_signed_in", [False, True])
def test_without_a_token_the_api_is_closed_even_to_people_who_are_signed_in(theirs: Theirs, is_signed_in: bool) -> None:
    client = Client()
    if is_signed_in:
        client.force_login(theirs.owner, backend=BACKEND)
    check((TOKEN, TOKEN_OBJECT), client, theirs, {401, 405}, {401})


@pytest.mark.parametrize("role", [Role.AGENT, Role.LEAD, Role.ADMIN])
def test_what_belongs_to_another_team_does_not_exist(role: str, theirs: Theirs) -> None:
    check((OBJECT,), signed_in(make_team(), role=role), theirs, {403, 404, 405}, {403, 404})


def test_what_belongs_to_another_team_does_not_exist_for_a_token(theirs: Theirs) -> None:
    user = make_user(make_team(), role=Role.ADMIN)
    secret = tokens.create_token(actor=actor_of(user), user=user, name="stranger", scopes=["read", "write", "admin"])
    client = Client(headers={"Authorization": f"Bearer {secret}", "Idempotency-Key": "k"})
    # 422: the body is judged before the object is looked for; the API's own tests ask with perfect bodies.
    check((TOKEN_OBJECT,), client, theirs, {404, 405, 422}, {404, 422})


def test_an_agent_does_not_run_the_office(theirs: Theirs) -> None:
    check((OFFICE,), signed_in(make_team(), role=Role.AGENT), theirs, {403, 405}, {403})


@pytest.mark.parametrize("route", of(STAFF))
def test_lists_do_not_touch_or_show_what_belongs_to_another_team(route: str, theirs: Theirs) -> None:
    client = signed_in(make_team(), role=Role.AGENT)
    path, before = address(route, theirs), everything()
    shown = client.get(path, {"q": "dial tone", "state": "all"}, follow=True).content.decode()
    assert "No dial tone" not in shown
    assert "Ada Martin" not in shown
    client.post(path, theirs.payload)
    assert everything() == before


def written() -> dict[str, list[Any]]:
    """Return everything but the marks of what was read, which looking at a conversation sets."""
    return {label: rows for label, rows in everything().items() if label != "conversations.readmark"}


def test_an_auditor_reads_and_changes_nothing_in_their_own_team(theirs: Theirs) -> None:
    """The guard alone refuses: whatever address is added is tried here with everything that is needed to change."""
    auditor = make_user(Team.objects.get(pk=theirs.numbers["team_id"]), role=Role.AUDITOR)
    client = Client()
    client.force_login(auditor, backend=BACKEND)
    reading = 0
    for route in of(STAFF, OFFICE, OBJECT):
        if getattr(ROUTES[route].callback, "is_own", False):
            continue  # about the auditor alone, such as a reminder; or an export, which reads and is written down
        path = address(route, theirs)
        reading += client.get(path).status_code == 200
        before = written()
        for method in (client.post, client.put, client.patch, client.delete):
            kind = {} if method == client.post else {"content_type": "application/json"}
            assert method(path, theirs.payload, **kind).status_code in {403, 404, 405}, (route, method)
        assert client.post(path, theirs.payload, headers={"HX-Request": "true"}).status_code in {403, 404, 405}, route
        assert written() == before, f"{route} changed something"
    assert reading > 15  # and they do read


def test_an_auditors_token_reads_and_changes_nothing(theirs: Theirs) -> None:
    auditor = make_user(Team.objects.get(pk=theirs.numbers["team_id"]), role=Role.LEAD)
    secret = tokens.create_token(actor=actor_of(auditor), user=auditor, name="t", scopes=["read", "write"])
    User.objects.filter(pk=auditor.pk).update(role=Role.AUDITOR)
    client = Client(headers={"Authorization": f"Bearer {secret}", "Idempotency-Key": "k"})
    before = everything()
    for route in of(TOKEN, TOKEN_OBJECT):
        statuses = attempts(client, address(route, theirs), theirs)
        assert {statuses[method] for method in statuses if method != "GET"} <= {403, 404, 405, 422}, (
            f"{route}: {statuses}"
        )
        assert everything() == before, f"{route} changed something"
    assert client.get("/api/v1/conversations").status_code == 200
