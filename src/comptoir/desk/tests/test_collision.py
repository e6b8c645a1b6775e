"""An answer that somebody overtook, at the desk: with a script, without one, and a second press."""

import pytest

from comptoir.desk.tests.conftest import Cast
from comptoir.outbound.models import Delivery
from comptoir.testing import builders

HTMX = {"HTTP_HX_REQUEST": "true"}
AT = "2030-01-07T09:00"


def _post(cast: Cast, script: bool = True, **data: str) -> tuple[int, str]:
    headers = HTMX if script else {}
    path = f"/conversations/{cast.conversation.pk}/messages/"
    response = cast.client().post(path, {"kind": "reply", "text": "My <b>answer</b>", **data}, **headers)
    return response.status_code, response.content.decode()


def _overtake(cast: Cast, text: str = "Already <done>") -> int:
    return builders.make_message(cast.conversation, kind="out", user=cast.colleague, delivery="queued", text=text).pk


def test_an_overtaken_answer_does_not_leave_and_says_who_wrote_what(cast: Cast) -> None:
    _overtake(cast)
    status, said = _post(cast, seen=str(cast.message.pk), then="solved")
    assert status == 409
    assert "Tom Okafor" in said
    assert "Already &lt;done&gt;" in said
    assert 'name="anyway_then" value="solved"' in said  # the second press does what the first one asked for
    assert not Delivery.objects.filter(message__user=cast.agent).exists()


def test_a_second_press_sends(cast: Cast) -> None:
    latest = _overtake(cast)
    status, _said = _post(cast, seen=str(cast.message.pk), anyway=str(latest))
    assert status == 200
    assert Delivery.objects.get(message__user=cast.agent).message.text == "My <b>answer</b>"


@pytest.mark.parametrize("way", [{"send_at": AT}, {"then": "later", "send_at_custom": AT}])
def test_what_the_first_press_wanted_happens_by_the_second_and_by_no_other(cast: Cast, way: dict[str, str]) -> None:
    latest = _overtake(cast)
    _status, said = _post(cast, seen=str(cast.message.pk), **way)
    assert f'name="anyway_at" value="{AT}"' in said
    kept = {"seen": str(latest), "anyway_then": "", "anyway_at": AT}  # the notice is part of the form
    _post(cast, **kept)
    assert Delivery.objects.get(message__user=cast.agent).scheduled_for is None
    _post(cast, **kept, anyway=str(latest))
    assert Delivery.objects.filter(message__user=cast.agent, scheduled_for__isnull=False).count() == 1


def test_send_anyway_and_solve(cast: Cast) -> None:
    latest = _overtake(cast)
    _post(cast, seen=str(cast.message.pk), anyway=str(latest), anyway_then="solved")
    cast.conversation.refresh_from_db()
    assert cast.conversation.state == "solved"


def test_whoever_writes_after_the_warning_is_told_as_well(cast: Cast) -> None:
    first = _overtake(cast)
    _overtake(cast, "And once more")
    status, said = _post(cast, seen=str(cast.message.pk), anyway=str(first))
    assert status == 409
    assert "And once more" in said
    assert "Already" not in said


def test_without_a_script_the_page_comes_back_with_the_text(cast: Cast) -> None:
    _overtake(cast)
    status, said = _post(cast, script=False, seen=str(cast.message.pk))
    assert status == 409
    assert "My &lt;b&gt;answer&lt;/b&gt;</textarea>" in said
    assert "Send anyway" in said
    assert not Delivery.objects.filter(message__user=cast.agent).exists()


@pytest.mark.parametrize(
    ("label", "data"),
    [
        ("nothing new", {}),
        ("a program that knows no page", {"seen": ""}),
        ("not a number", {"seen": "²"}),
        ("a number beyond all", {"seen": "9" * 40}),
        ("a note disturbs nobody", {"kind": "note", "seen": "1"}),
    ],
)
def test_what_is_not_refused(cast: Cast, label: str, data: dict[str, str]) -> None:
    if "seen" in data:
        _overtake(cast)
    assert _post(cast, **{"seen": str(cast.message.pk), **data})[0] == 200, label


def test_the_page_says_which_message_it_shows_last(cast: Cast) -> None:
    page = cast.client().get(f"/conversations/{cast.conversation.pk}/").content.decode()
    assert f'name="seen" value="{cast.message.pk}"' in page
