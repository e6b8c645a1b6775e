"""The pages of rules and of the team: they work, agents are refused, and wrong input says what to do."""

import pytest

from comptoir.accounts.services import actor_of
from comptoir.core import clock, presence
from comptoir.desk.tests.conftest import Cast
from comptoir.desk.words import event_words
from comptoir.journal import services as journal
from comptoir.journal.models import Event
from comptoir.routing import engine, services
from comptoir.routing.models import AssignmentPolicy, Firing, Rule, RuleVersion, Shift, Workload
from comptoir.routing.rules.conditions import Action, Condition, Definition

FORM = {
    "name": "Invoices", "team": "", "when": "created", "minutes": "30", "hourly_limit": "10", "do": "save",
    "c0-group": "every", "c0-field": "text", "c0-op": "has", "c0-value": "facture, dead",
    "c1-group": "some", "c1-field": "channel", "c1-op": "is", "c1-value": "sandbox",
    "a0-kind": "priority", "a0-value": "2",
}  # fmt: skip


def make_rule(cast: Cast, **fields: object) -> Rule:
    definition = Definition("created", every=(Condition("text", "has", "dead"),), actions=(Action("priority", "2"),))
    rule = services.save_rule(
        actor=actor_of(cast.lead), user=cast.lead, rule=None, name=str(fields.get("name", "A rule")), team=cast.team,
        definition=definition, hourly_limit=10,
    )  # fmt: skip
    services.set_rule_active(actor=actor_of(cast.lead), rule=rule, is_active=True)
    return rule


def test_a_rule_is_put_together_row_by_row_without_a_script(cast: Cast) -> None:
    client = cast.client(cast.admin)
    started = {"name": "Invoices", "team": "", "when": "created", "minutes": "30", "hourly_limit": "10"}
    page = client.post("/rules/new/", {**started, "add": "every:text"}).content.decode()
    assert 'name="c0-field" value="text"' in page and "Invoices" in page
    page = client.post("/rules/new/", {**FORM, "do": "", "add": "action:notify"}).content.decode()
    assert 'name="a1-people"' in page or "do" in page
    removed = {key: value for key, value in FORM.items() if key != "do"}
    page = client.post("/rules/new/", {**removed, "remove": "c0"}).content.decode()
    assert "facture, dead" not in page and "Channel" in page
    assert not Rule.objects.exists()
    assert client.post("/rules/new/", FORM).status_code == 302
    rule = Rule.objects.get()
    assert not rule.is_active
    definition = RuleVersion.objects.get(rule=rule).definition
    assert definition["every"] == [{"field": "text", "op": "has", "value": "facture, dead"}]
    assert definition["some"][0]["value"] == "sandbox"
    page = client.get(f"/rules/{rule.pk}/").content.decode()
    assert 'value="facture, dead"' in page


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": " "}, "Give the rule a name"),
        ({"when": "waiting", "minutes": "0"}, "Say after how many minutes"),
        ({"when": "waiting", "minutes": "soon"}, "Write a whole number"),
        ({"c0-value": " , "}, "Write the words to look for"),
        ({"a0-kind": ""}, "Add something to do"),
        ({"a0-kind": "note", "a0-value": " "}, "Write something first"),
        ({"a0-kind": "notify", "a0-value": "x"}, "Choose who is told"),
        ({"a0-kind": "snooze", "a0-value": "x"}, "for how many minutes"),
        ({"a0-kind": "webhook", "a0-value": "ftp://x"}, "An address must look like"),
        ({"a0-kind": "assign", "a0-value": "999999"}, "Choose one from the list"),
        ({"hourly_limit": "0"}, "Choose a number from 1"),
        ({"team": "999999"}, "Choose one of your teams"),
    ],
)
def test_a_wrong_rule_says_what_to_do_and_keeps_what_was_written(
    cast: Cast, change: dict[str, str], words: str
) -> None:
    answer = cast.client(cast.admin).post("/rules/new/", {**FORM, **change})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Rule.objects.exists()


def test_leads_make_rules_for_their_teams_and_call_no_addresses(cast: Cast) -> None:
    client = cast.client(cast.lead)
    assert client.post("/rules/new/", FORM).status_code == 422  # for all teams
    mine = {**FORM, "team": str(cast.team.pk)}
    hook = {**mine, "a0-kind": "webhook", "a0-value": "https://example.org/"}
    assert "Only administrators" in client.post("/rules/new/", hook).content.decode()
    assert client.post("/rules/new/", mine).status_code == 302
    assert cast.client().post("/rules/new/", mine).status_code == 403
    assert Rule.objects.count() == 1


def test_a_choice_that_is_gone_stays_chosen_and_is_named(cast: Cast) -> None:
    rule = make_rule(cast)
    gone = [{"kind": "assign", "value": "987654", "people": []}]
    RuleVersion.objects.filter(rule=rule).update(definition={"when": "created", "actions": gone})
    page = cast.client(cast.lead).get(f"/rules/{rule.pk}/").content.decode()
    assert '<option value="987654" selected>#987654 (no longer there)</option>' in page


def test_the_list_switches_moves_and_removes(cast: Cast) -> None:
    client, first, second = cast.client(cast.lead), make_rule(cast, name="First"), make_rule(cast, name="Second")
    client.post(f"/rules/{second.pk}/place/", {"to": "up"})
    page = client.get("/rules/").content.decode()
    assert page.index("Second") < page.index("First")
    client.post(f"/rules/{first.pk}/activation/", {})
    first.refresh_from_db()
    assert not first.is_active
    client.post(f"/rules/{first.pk}/removal/")
    assert f"/rules/{first.pk}/" not in client.get("/rules/").content.decode()
    kinds = list(Event.objects.filter(kind__startswith="rule.").order_by("pk").values_list("kind", flat=True))
    assert kinds[-3:] == ["rule.moved", "rule.switched", "rule.deleted"]
    assert cast.client().post(f"/rules/{second.pk}/activation/", {}).status_code == 404
    assert cast.client(cast.stranger).get(f"/rules/{second.pk}/").status_code == 404


def test_a_dry_run_and_the_log_explain_themselves(cast: Cast) -> None:
    rule, client = make_rule(cast, name="Dead lines"), cast.client(cast.lead)
    row = cast.conversation
    journal.append_all([journal.Entry(journal.SYSTEM, "conversation.created", row.pk, row.contact_id)])
    page = client.get(f"/rules/{rule.pk}/trial/").content.decode()
    assert "Would match 1 of 1 conversation" in page and "has one of the words" in page
    assert not Firing.objects.exists()
    tried = client.post(f"/rules/{rule.pk}/", {**FORM, "team": str(cast.team.pk), "do": "try", "c0-value": "facture"})
    assert "Would match 0 of 1" in tried.content.decode()
    engine.handle(list(Event.objects.filter(kind="conversation.created")), at=clock.now())
    page = client.get("/rules/log/").content.decode()
    assert "Dead lines" in page and "Set the priority to Urgent" in page
    assert "Dead lines" in client.get(f"/rules/log/?rule={rule.pk}").content.decode()
    assert "Dead lines" not in cast.client(cast.stranger).get("/rules/log/").content.decode()


def test_the_team_page_shows_who_is_there_and_what_waits(cast: Cast) -> None:
    presence.mark_people({cast.agent.pk}, at=clock.now())
    cast.conversation.assignee = cast.agent
    cast.conversation.save()
    page = cast.client(cast.lead).get(f"/team/{cast.team.pk}/").content.decode()
    assert "1 of 20" in page and "Available" in page and "Offline" in page
    assert cast.client().get(f"/team/{cast.team.pk}/").status_code == 403
    assert cast.client(cast.lead).get("/team/").headers["Location"] == f"/team/{cast.team.pk}/"


def test_a_lead_sets_assignment_capacity_skills_and_shifts(cast: Cast) -> None:
    client, base = cast.client(cast.lead), f"/team/{cast.team.pk}"
    assert (
        client.post(f"{base}/work/", {"mode": "by_skill", "is_sticky": "on", "reassign_minutes": "45"}).status_code
        == 302
    )
    policy = AssignmentPolicy.objects.get()
    assert (policy.mode, policy.is_sticky, policy.reassign_minutes) == ("by_skill", True, 45)
    assert client.post(f"{base}/work/", {"mode": "magic"}).status_code == 422
    person = f"{base}/people/{cast.agent.pk}/"
    sent = {"capacity": "8", "channel-webchat": "3", "language-fr": "3", "skill-email": "1"}
    assert client.post(person, sent).status_code == 302
    carried = Workload.objects.get(user=cast.agent)
    assert (carried.capacity, carried.by_channel, carried.skills) == (
        8, {"webchat": 3}, {"language:fr": 3, "channel:email": 1},
    )  # fmt: skip
    assert 'value="8"' in client.get(person).content.decode()
    assert client.get(f"{base}/people/{cast.stranger.pk}/").status_code == 404
    assert client.post(f"{base}/shifts/", {f"s{cast.agent.pk}-0": "nine"}).status_code == 422
    assert not Shift.objects.exists()
    assert client.post(f"{base}/shifts/", {f"s{cast.agent.pk}-0": "9-12, 13-17"}).status_code == 302
    assert [(s.user_id, s.weekday, s.start) for s in Shift.objects.order_by("start")] == [
        (cast.agent.pk, 0, 540), (cast.agent.pk, 0, 780),
    ]  # fmt: skip
    assert "9–12, 13–17" in client.get(f"{base}/shifts/").content.decode()
    for path in ("work/", f"people/{cast.agent.pk}/", "shifts/"):
        assert cast.client().post(f"{base}/{path}", {"mode": "off"}).status_code == 403
    policy.refresh_from_db()
    assert policy.mode == "by_skill"


def test_everybody_chooses_their_own_presence_and_reads_it_in_the_navigation(cast: Cast) -> None:
    client = cast.client()
    assert client.post("/me/presence/", {"presence": "away"}).status_code == 302
    assert Workload.objects.get(user=cast.agent).presence == "away"
    page = client.get("/me/").content.decode()
    assert 'value="away" aria-pressed="true"' in page
    assert "Choose available" in client.post("/me/presence/", {"presence": "x"}, follow=True).content.decode()
    assert Workload.objects.get().presence == "away"
    assert Event.objects.get(kind="presence.changed").facts == {"user": cast.agent.pk, "to": "away"}


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ({}, "assigned it to Ana"),
        ({"why": "round_robin"}, "assigned it to Ana (in turn)"),
        ({"why": "least_loaded", "load": 3, "capacity": 8}, "assigned it to Ana (has the most room: 3 of 8)"),
        ({"why": "sticky", "lost": True}, "(answered this contact before, because the one before is offline)"),
        ({"why": "of a later version"}, "assigned it to Ana"),
    ],
)
def test_the_timeline_says_why_somebody_was_chosen(reason: dict[str, object], words: str) -> None:
    facts = {"to": 7, "to_name": "Ana", "reason": reason}
    assert words in event_words("conversation.assigned", facts, None)[1]
