"""The chat's requests: messages arrive once, a session opens with its token only, refusals are sentences."""

import itertools
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from comptoir.channels.models import ChannelAccount
from comptoir.channels.webchat import views
from comptoir.channels.webchat.models import ChatEntry, ChatSession
from comptoir.channels.webchat.rules import MAX_BODY_BYTES, MAX_TEXT
from comptoir.channels.webchat.services import note_seen, start_session, store_reply
from comptoir.channels.webchat.tokens import sign_key
from comptoir.core import bulk, clock, presence, proof
from comptoir.core.ratelimit import Limit
from comptoir.inbound.models import Record
from comptoir.testing.builders import make_account, make_team

pytestmark = pytest.mark.django_db
_ids = (f"id-{number:08}" for number in itertools.count())


@pytest.fixture
def account() -> ChannelAccount:
    return make_account(make_team(), kind="webchat", options={"title": "Horizon"})


@pytest.fixture(autouse=True)
def _no_old_counts() -> Iterator[None]:
    yield
    bulk.fetch_all("DELETE FROM core_cache", [])


def address(account: ChannelAccount, tail: str = "") -> str:
    return f"/c/webchat/{account.public_key}/{tail}"


def post(account: ChannelAccount, tail: str, body: Any, *, token: str = "", **extra: Any) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return Client().post(address(account, tail), raw, content_type="application/json", headers=headers, **extra)


def get(account: ChannelAccount, tail: str, *, token: str) -> Any:
    return Client().get(address(account, tail), headers={"authorization": f"Bearer {token}"})


def proven(account: ChannelAccount, *, age: float = 0) -> dict[str, str]:
    at = clock.now() - timedelta(seconds=age)
    token = proof.issue_token(purpose=f"webchat:{account.public_key}", at=at)
    return {"token": token, "solution": proof.solve(token)}


@pytest.fixture
def token(account: ChannelAccount) -> str:
    return new_token(account)


def new_token(account: ChannelAccount) -> str:
    """Start a session as the widget would, without its work."""
    session = start_session(account=account, language="en", at=clock.now())
    return sign_key(session.key, account_id=account.pk)


def message(text: str, *, id_: str = "") -> dict[str, Any]:
    return {"messages": [{"id": id_ or next(_ids), "text": text}], "page": "https://shop.example/"}


def records() -> list[dict[str, Any]]:
    return [json.loads(bytes(raw)) for raw in Record.objects.order_by("id").values_list("raw", flat=True)]


def test_the_frame_may_be_framed_and_carries_no_cookie(account: ChannelAccount) -> None:
    response = Client().get(address(account, "?lang=fr&theme=dark"))
    assert response.status_code == 200 and not response.cookies
    assert b'<html lang="fr" data-theme="dark">' in response.content
    assert response["Content-Security-Policy"].endswith("frame-ancestors *")


def test_hostile_options_stay_data(account: ChannelAccount) -> None:
    account.options["title"] = account.options["greeting"] = "</script><script>alert(1)</script>"
    account.save()
    assert b"<script>alert" not in Client().get(address(account)).content


def test_a_message_is_a_record_and_stands_in_the_history(account: ChannelAccount, token: str) -> None:
    response = post(account, "messages", message("Hello\x00 there "), token=token)
    assert response.status_code == 200
    (stored,) = records()
    assert (stored["text"], stored["page"], stored["type"]) == ("Hello there", "https://shop.example/", "message")
    entries = get(account, "history", token=token).json()["entries"]
    assert [(e["n"], e["text"]) for e in entries] == [(1, "Hello there")]
    assert Record.objects.get().external_id == f"{stored['session']}:{stored['id']}"


def test_sending_again_changes_nothing(account: ChannelAccount, token: str) -> None:
    """INV-02: the widget sends until it hears an answer."""
    body = message("once", id_="a" * 32)
    first = post(account, "messages", body, token=token).json()
    second = post(account, "messages", body, token=token).json()
    mixed = {"messages": body["messages"] * 2 + [{"id": "b" * 32, "text": "twice"}]}
    third = post(account, "messages", mixed, token=token).json()
    assert first == second and [e["n"] for e in third["accepted"]] == [1, 2]
    assert len(records()) == 2 and ChatEntry.objects.count() == 2


def test_the_same_id_in_another_session_is_another_message(account: ChannelAccount, token: str) -> None:
    other = new_token(account)
    for each in (token, other):
        assert post(account, "messages", message("hi", id_="same-id-1"), token=each).status_code == 200
    assert len(records()) == 2


def test_a_poll_returns_what_is_new_and_acknowledges_what_was_shown(account: ChannelAccount, token: str) -> None:
    post(account, "messages", message("hello"), token=token)
    session = ChatSession.objects.get()
    store_reply(session=session, key="k1", text="Hi!", author_name="Camille", at=clock.now())
    answer = get(account, "poll?after=1", token=token).json()
    assert [(e["n"], e["text"], e["name"]) for e in answer["entries"]] == [(2, "Hi!", "Camille")]
    assert ChatEntry.objects.get(key="k1").shown_at is None
    assert get(account, "poll?after=2", token=token).json()["entries"] == []
    assert ChatEntry.objects.get(key="k1").shown_at is not None
    assert [r["type"] for r in records()] == ["message", "receipt"]
    get(account, "poll?after=2", token=token)
    assert len(records()) == 2


def test_a_widget_cannot_acknowledge_what_does_not_exist_yet(account: ChannelAccount, token: str) -> None:
    get(account, "poll?after=999999999", token=token)
    session = ChatSession.objects.get()
    assert session.seen_number == 0
    store_reply(session=session, key="k1", text="Hi!", author_name="", at=clock.now())
    note_seen(session=ChatSession.objects.get(), shown=1, at=clock.now())
    assert ChatEntry.objects.get(key="k1").shown_at is not None


def test_history_goes_back_page_by_page(account: ChannelAccount, token: str) -> None:
    for start in range(0, 120, 20):
        body = {"messages": [{"id": f"message-{n:04}", "text": str(n)} for n in range(start, start + 20)]}
        assert post(account, "messages", body, token=token).status_code == 200
    first = get(account, "history", token=token).json()
    assert [e["n"] for e in first["entries"]] == list(range(71, 121)) and first["earlier"]
    second = get(account, "history?before=71", token=token).json()
    assert [e["n"] for e in second["entries"]] == list(range(21, 71)) and second["earlier"]
    assert not get(account, "history?before=21", token=token).json()["earlier"]


WRONG_TOKENS = ["", "x", "a" * 26 + "." + "b" * 24, "é" * 20, "." * 40, "a" * 5000]


@pytest.mark.parametrize("wrong", WRONG_TOKENS)
@pytest.mark.parametrize("tail", ["messages", "contact", "history", "poll"])
def test_without_its_token_no_session_opens(account: ChannelAccount, token: str, tail: str, wrong: str) -> None:
    client = Client()
    headers = {"authorization": f"Bearer {wrong}".encode().decode("latin-1")}
    body = json.dumps(message("x") | {"email": "a@b.fr"})
    if tail in {"messages", "contact"}:
        response = client.post(address(account, tail), body, content_type="application/json", headers=headers)
    else:
        response = client.get(address(account, tail), headers=headers)
    assert response.status_code == 401 and response.json()["error"]
    assert records() == []


def test_a_token_of_another_chat_opens_nothing(account: ChannelAccount, token: str) -> None:
    other = make_account(make_team(), kind="webchat")
    assert get(other, "history", token=token).status_code == 401
    forged = sign_key(token.partition(".")[0], account_id=other.pk)
    assert get(other, "history", token=forged).status_code == 401


def test_a_typed_address_opens_no_history(account: ChannelAccount, token: str) -> None:
    """Two visitors type the same address: each keeps seeing their own chat and nothing else."""
    post(account, "messages", message("my secret"), token=token)
    post(account, "contact", {"email": "ada@example.net"}, token=token)
    other = new_token(account)
    assert post(account, "contact", {"email": "ada@example.net"}, token=other).status_code == 200
    answer = get(account, "history", token=other).json()
    assert answer["entries"] == [] and answer["email"] == "ada@example.net"


@pytest.mark.parametrize("email", ["", "ada", "ada@", "a@b.fr\nbcc: x@y.z", "x" * 300 + "@example.net", 7])
def test_a_wrong_address_is_refused_in_words(account: ChannelAccount, token: str, email: Any) -> None:
    response = post(account, "contact", {"email": email}, token=token)
    assert response.status_code in {400, 422} and response.json()["error"]
    assert ChatSession.objects.get().email == "" and records() == []


BODIES: list[tuple[str, Any, int]] = [
    ("no JSON", b"\xff\xfe{", 400),
    ("a list", [], 400),
    ("no messages", {"messages": []}, 400),
    ("too many", {"messages": [{"id": f"id-{n:06}", "text": "x"} for n in range(21)]}, 400),
    ("an empty one", {"messages": [{"id": "id-000000", "text": " \n\x00"}]}, 422),
    ("too long", {"messages": [{"id": "id-000000", "text": "x" * (MAX_TEXT + 1)}]}, 413),
    ("a strange id", {"messages": [{"id": "../../../etc", "text": "x"}]}, 400),
    ("an id that is no text", {"messages": [{"id": 12345678, "text": "x"}]}, 400),
    ("deep nesting", b'{"messages":' + b"[" * 30_000, 400),
    ("huge", b'{"messages": "' + b"x" * (MAX_BODY_BYTES + 1) + b'"}', 413),
]


@pytest.mark.parametrize(("label", "body", "status"), BODIES, ids=[b[0] for b in BODIES])
def test_bad_bodies_are_refused(account: ChannelAccount, token: str, label: str, body: Any, status: int) -> None:
    response = post(account, "messages", body, token=token)
    assert response.status_code == status and response.json()["error"]
    assert records() == [] and ChatEntry.objects.count() == 0


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["messages", "id", "text", "email", "name", "token", "page"]), inner)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=json_values, tail=st.sampled_from(["messages", "contact", "session"]))
def test_no_json_breaks_a_request(account: ChannelAccount, token: str, body: Any, tail: str) -> None:
    response = post(account, tail, body, token=token)
    assert response.status_code in {200, 400, 403, 413, 422, 429} and response.json()


def test_a_lying_content_length_is_refused(account: ChannelAccount, token: str) -> None:
    assert post(account, "messages", b"{}", token=token, CONTENT_LENGTH=str(10**12)).status_code == 413


def test_a_session_needs_its_proof(account: ChannelAccount) -> None:
    good = proven(account)
    started = post(account, "session", good)
    assert started.status_code == 201
    assert get(account, "history", token=started.json()["token"]).status_code == 200
    for changed in ({"solution": "1"}, {"token": "x"}, proven(make_account(make_team(), kind="webchat"))):
        response = post(account, "session", good | changed)
        assert response.status_code == 403 and response.json()["proof"]
    assert post(account, "session", good | {"solution": ""}).status_code == 425
    assert post(account, "session", proven(account, age=proof.LIFETIME + 5)).status_code == 403
    assert ChatSession.objects.count() == 1


def test_limits_are_told_in_words_with_retry_after(
    account: ChannelAccount, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "MESSAGES", Limit("test-chat", 2, 60))
    for _ in range(2):
        assert post(account, "messages", message("x"), token=token).status_code == 200
    response = post(account, "messages", message("x"), token=token)
    assert response.status_code == 429 and 1 <= int(response["Retry-After"]) <= 60
    assert "try again in" in response.json()["error"] and len(records()) == 2


def test_unknown_chats_are_not_found(account: ChannelAccount, token: str) -> None:
    account.is_active = False
    account.save()
    assert Client().get(address(account)).status_code == 404
    assert post(account, "messages", message("x"), token=token).status_code == 404
    assert Client().get("/c/webchat/%00/").status_code == 404
    assert records() == []


@pytest.mark.parametrize("tail", ["session", "messages", "contact"])
def test_reading_methods_change_nothing(account: ChannelAccount, tail: str) -> None:
    assert Client().get(address(account, tail)).status_code == 405


@pytest.mark.parametrize("tail", ["", "history", "poll"])
def test_writing_methods_are_refused_elsewhere(account: ChannelAccount, tail: str) -> None:
    assert Client().post(address(account, tail)).status_code == 405


def test_who_is_there_is_said_honestly(account: ChannelAccount, token: str) -> None:
    assert get(account, "poll", token=token).json()["presence"] == "away"
    presence.mark_present({account.team_id}, at=clock.now())
    assert get(account, "poll", token=token).json()["presence"] == "here"
    closed = (clock.now() + timedelta(days=3)).strftime("%a").lower()
    account.options |= {"hours": f"{closed} 10:00-11:00", "timezone": "UTC"}
    account.save()
    answer = get(account, "poll", token=token).json()
    assert answer["presence"] == "closed" and "{when}" in answer["words"]
    assert answer["opens"].endswith("10:00:00+00:00")
