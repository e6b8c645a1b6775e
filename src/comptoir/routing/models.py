"""Rules with their versions and their log, what they owe to the outside, and how teams share their work."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from comptoir.routing.rules.guard import HOURLY_LIMIT


class Rule(models.Model):
    """When something happens and conditions hold, do something. What it says is in its latest version."""

    team = models.ForeignKey("accounts.Team", on_delete=models.CASCADE, null=True, related_name="+")  # null: every team
    name = models.CharField(_("name"), max_length=120)
    position = models.IntegerField()
    is_active = models.BooleanField(_("active"), default=False)
    hourly_limit = models.SmallIntegerField(default=HOURLY_LIMIT)  # firings an hour and conversation
    version = models.IntegerField(default=0)
    # Rules of 'waiting': every wait that came due up to here was looked at.
    checked_until = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)  # the log keeps telling about it

    class Meta:
        indexes = [
            # The engine and the list: rules that exist, in their order.
            models.Index(fields=["position", "id"], condition=Q(deleted_at__isnull=True), name="rule_order"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(hourly_limit__range=(1, 1000)), name="rule_limit_is_sane"),
        ]

    def __str__(self) -> str:
        return self.name


class RuleVersion(models.Model):
    """What a rule said at one time; never changed, so that the log stays true."""

    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, related_name="versions")
    number = models.IntegerField()
    name = models.CharField(max_length=120)
    definition = models.JSONField()
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "number"], name="rule_version_once")]

    def __str__(self) -> str:
        return f"{self.name} {self.number}"


class Firing(models.Model):
    """A rule that matched: what held, what was done, or why it was stopped. The actor of all its changes."""

    class Outcome(models.TextChoices):
        """What came of it."""

        DONE = "done", _("Done")
        PARTLY = "partly", _("Partly done")
        STOPPED = "stopped", _("Stopped")

    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, related_name="firings")
    version = models.ForeignKey(RuleVersion, on_delete=models.CASCADE, related_name="+")
    conversation = models.ForeignKey("conversations.Conversation", on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=80)  # 'event:17', 'wait:4:2026-…': what it fired for
    depth = models.SmallIntegerField()  # 1: a person or a customer set it off; 2: a rule of depth 1 did; …
    outcome = models.CharField(max_length=8, choices=Outcome.choices)
    details = models.JSONField(default=dict)  # {"every": […], "some": […], "actions": […], "stop": "limit"}
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "key"], name="firing_once_an_event")]
        indexes = [
            # The guard: how often a rule fired for a conversation within the hour.
            models.Index(fields=["conversation", "rule", "-at"], name="firing_of_conversation"),
            # The log of one rule, newest first.
            models.Index(fields=["rule", "-id"], name="firing_log"),
        ]

    def __str__(self) -> str:
        return f"rule {self.rule_id} on {self.conversation_id}"


class Errand(models.Model):
    """A call to somebody's address that a firing owes: the job and its log in one row."""

    class State(models.TextChoices):
        """Where it stands."""

        DUE = "due", _("Due")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    firing = models.ForeignKey(Firing, on_delete=models.CASCADE, related_name="errands")
    url = models.CharField(max_length=500)
    body = models.JSONField()
    state = models.CharField(max_length=6, choices=State.choices, default=State.DUE)
    attempts = models.SmallIntegerField(default=0)
    due_at = models.DateTimeField()
    reason = models.TextField(blank=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            # The sender: what is due.
            models.Index(fields=["due_at"], condition=Q(state="due"), name="errand_due"),
        ]

    def __str__(self) -> str:
        return f"{self.url} {self.state}"


class AutomaticReply(models.Model):
    """When a contact last got an automatic answer: at most one a day."""

    contact = models.OneToOneField("contacts.Contact", on_delete=models.CASCADE, primary_key=True, related_name="+")
    sent_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"to {self.contact_id} at {self.sent_at}"


class AssignmentPolicy(models.Model):
    """How a team's work finds its people. No row: everybody takes what they like."""

    class Mode(models.TextChoices):
        """Who comes next."""

        OFF = "off", _("Nobody is assigned")
        ROUND_ROBIN = "round_robin", _("In turn")
        LEAST_LOADED = "least_loaded", _("Whoever has the most room")
        BY_SKILL = "by_skill", _("Whoever knows it best")

    team = models.OneToOneField("accounts.Team", on_delete=models.CASCADE, primary_key=True, related_name="+")
    mode = models.CharField(max_length=12, choices=Mode.choices, default=Mode.OFF)
    is_sticky = models.BooleanField(default=True)
    reassign_minutes = models.IntegerField(null=True)  # null: a conversation stays with whoever went offline
    last_user = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True, related_name="+")

    def __str__(self) -> str:
        return f"{self.mode} in {self.team_id}"


class Workload(models.Model):
    """What a person can carry and what they are good at, and whether they want work now."""

    user = models.OneToOneField("accounts.User", on_delete=models.CASCADE, primary_key=True, related_name="workload")
    presence = models.CharField(max_length=9, default="available")  # as chosen; see rules.assignment.presence_of
    presence_at = models.DateTimeField(null=True)
    capacity = models.SmallIntegerField(null=True)  # null: the usual one
    by_channel = models.JSONField(default=dict)  # {"webchat": 3}
    skills = models.JSONField(default=dict)  # {"language:fr": 3}

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(presence__in=["available", "away", "offline"]), name="workload_has_presence"
            ),
            models.CheckConstraint(
                condition=Q(capacity__isnull=True) | Q(capacity__range=(1, 500)), name="workload_capacity_is_sane"
            ),
        ]

    def __str__(self) -> str:
        return f"of {self.user_id}"


class Shift(models.Model):
    """Somebody works for a team every week from `start` to `end`: minutes after midnight, in the team's zone."""

    team = models.ForeignKey("accounts.Team", on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="+")
    weekday = models.SmallIntegerField()  # 0 is Monday
    start = models.SmallIntegerField()
    end = models.SmallIntegerField()  # beyond 1,440: the next day

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(weekday__range=(0, 6)), name="shift_has_weekday"),
            models.CheckConstraint(
                condition=Q(start__gte=0, start__lt=1440, end__gt=models.F("start"), end__lte=models.F("start") + 1440),
                name="shift_is_a_day_at_most",
            ),
        ]
        indexes = [models.Index(fields=["team", "user"], name="shift_of_team")]  # the plan of a team

    def __str__(self) -> str:
        return f"{self.user_id} on {self.weekday}: {self.start}–{self.end}"
