"""Conversations and their messages.

A conversation is one thread with one contact on one account. `waiting_since` is the denormalised heart of the
queue: the instant of the oldest customer message that has no answer yet, or null when nothing waits.
"""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _


class State(models.TextChoices):
    """Where a conversation stands. Snoozed ones return by themselves, at an instant or with a new message."""

    OPEN = "open", _("Open")
    PENDING = "pending", _("Pending")  # waiting for the customer
    SNOOZED = "snoozed", _("Snoozed")
    SOLVED = "solved", _("Solved")
    MERGED = "merged", _("Merged")  # its messages live in `merged_into`; kept so that it can be undone


class Priority(models.IntegerChoices):
    """How much it matters; the higher the sooner."""

    LOW = -1, _("Low")
    NORMAL = 0, _("Normal")
    HIGH = 1, _("High")
    URGENT = 2, _("Urgent")


class Conversation(models.Model):
    """One thread with one contact on one account."""

    account = models.ForeignKey("channels.ChannelAccount", on_delete=models.PROTECT, related_name="+")
    channel = models.CharField(max_length=20)  # the account's kind, copied for filters and icons
    thread_key = models.CharField(max_length=200, null=True)  # the platform's own key, where it has one
    contact = models.ForeignKey("contacts.Contact", on_delete=models.PROTECT, related_name="conversations")
    # No index of its own: several below begin with it.
    team = models.ForeignKey("accounts.Team", on_delete=models.PROTECT, related_name="+", db_index=False)
    assignee = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True, related_name="+")
    subject = models.TextField(blank=True)
    preview = models.CharField(max_length=200, blank=True)  # the beginning of the last message that is no note
    language = models.CharField(max_length=8, blank=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    priority = models.SmallIntegerField(choices=Priority.choices, default=Priority.NORMAL)
    waiting_since = models.DateTimeField(null=True)
    snoozed_until = models.DateTimeField(null=True)
    # Of a snooze: whether a customer's message ends it. With an instant: until either; without one it must be true.
    wakes_on_reply = models.BooleanField(default=True, db_default=True)
    # Everybody can read it: a post and what is written under it.
    is_public = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField()
    last_message_at = models.DateTimeField()
    message_count = models.IntegerField(default=0)
    merged_into = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="+")
    # Values of the organisation's own fields (contacts.CustomField) by key; the pipeline does not write it.
    fields = models.JSONField(default=dict, db_default=Value({}, models.JSONField()))
    labels: "models.ManyToManyField[Label, Labelling]" = models.ManyToManyField(
        "Label", through="Labelling", related_name="conversations"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "thread_key"],
                condition=Q(thread_key__isnull=False),
                name="conversation_once_a_thread",
            ),
            models.CheckConstraint(
                condition=Q(state="snoozed") | Q(snoozed_until__isnull=True), name="conversation_snooze_has_state"
            ),
            models.CheckConstraint(
                condition=~Q(state="snoozed") | Q(snoozed_until__isnull=False) | Q(wakes_on_reply=True),
                name="conversation_snooze_has_end",
            ),
            models.CheckConstraint(
                condition=Q(state="merged") ^ Q(merged_into__isnull=True), name="conversation_merge_has_target"
            ),
        ]
        indexes = [
            # The queue: what waits for an answer, longest wait first, of all teams together …
            models.Index(
                fields=["waiting_since", "id"],
                condition=Q(state="open", waiting_since__isnull=False),
                name="conversation_queue",
            ),
            # … and of one team.
            models.Index(
                fields=["team", "waiting_since", "id"],
                condition=Q(state="open", waiting_since__isnull=False),
                name="conversation_team_queue",
            ),
            # The same by priority: views in that order, and what "next" offers.
            models.Index(
                F("team"),
                F("priority") * -1,
                F("waiting_since"),
                F("id"),
                condition=Q(state="open", waiting_since__isnull=False),
                name="conversation_team_urgent",
            ),
            # What nobody has taken: the tab and its count.
            models.Index(
                fields=["team", "waiting_since", "id"],
                condition=Q(state="open", waiting_since__isnull=False, assignee__isnull=True),
                name="conversation_unassigned",
            ),
            # My work: everything of mine that is not closed.
            models.Index(
                fields=["assignee", "-last_message_at"],
                condition=Q(state__in=["open", "pending", "snoozed"]),
                name="conversation_of_assignee",
            ),
            # Lists by state, newest activity first; read team by team, so that a page costs the same at any size.
            models.Index(fields=["team", "state", "-last_message_at", "-id"], name="conversation_team_state"),
            # The same, newest conversation first.
            models.Index(fields=["team", "state", "-id"], name="conversation_team_newest"),
            # The contact panel: the customer's whole story.
            models.Index(fields=["contact", "-last_message_at"], name="conversation_of_contact"),
            # The waker: snoozed conversations that are due.
            models.Index(fields=["snoozed_until"], condition=Q(state="snoozed"), name="conversation_snoozed"),
        ]

    def __str__(self) -> str:
        return self.subject or self.preview or f"#{self.pk}"


class MessageKind(models.TextChoices):
    """Who a message is from and for."""

    INBOUND = "in", _("Received")
    OUTBOUND = "out", _("Sent")
    NOTE = "note", _("Note")


class Message(models.Model):
    """One message or internal note. Texts are never changed after the insert (INV-09).

    What its author did to it later is in `marks`, made of its amendments and reactions: {"text": what it says now,
    "edited_at", "deleted_at", "hidden_at": ISO 8601, "reactions": {"👍": 2}}; empty for almost all.
    """

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    kind = models.CharField(max_length=4, choices=MessageKind.choices)
    contact = models.ForeignKey("contacts.Contact", on_delete=models.PROTECT, null=True, related_name="+")
    user = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    author_name = models.CharField(max_length=200, blank=True)
    author_address = models.CharField(max_length=320, blank=True)
    subject = models.TextField(blank=True)
    text = models.TextField(blank=True)
    visible_text = models.TextField(blank=True)  # without quoted history; '' means the same as `text`
    html = models.TextField(blank=True)  # sanitised (INV-07); the raw original is in the inbound record
    language = models.CharField(max_length=8, blank=True)
    message_id = models.CharField(
        max_length=998, blank=True
    )  # e-mail Message-ID without brackets, or the platform's id
    recipients = models.JSONField(default=dict)  # {"to": [{"name","address"}], "cc": […]}
    automatic = models.CharField(
        max_length=30, blank=True
    )  # 'auto-reply', 'bounce', 'list', …: never answered by a machine
    placement = models.JSONField(default=dict)  # why it is in this conversation: {"reason": …, …}
    # What the platform needs to be answered (Inbound.facts), and a link for people ('permalink').
    facts = models.JSONField(default=dict, db_default=Value({}, models.JSONField()))
    marks = models.JSONField(default=dict, db_default=Value({}, models.JSONField()))
    record = models.OneToOneField("inbound.Record", on_delete=models.PROTECT, null=True, related_name="message")
    attachment_count = models.SmallIntegerField(default=0)
    sent_at = models.DateTimeField()  # when the author says it was sent; never after `created_at`
    created_at = models.DateTimeField()
    search = models.GeneratedField(
        expression=models.Func(
            models.F("language"),
            models.F("subject"),
            models.F("visible_text"),
            models.F("text"),
            function="comptoir_search_vector",
        ),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    class Meta:
        indexes = [
            # The timeline.
            models.Index(fields=["conversation", "created_at", "id"], name="message_timeline"),
            # Search over everything that was said …
            GinIndex(fields=["search"], name="message_search"),
            # … and within a span of time (`before:`, `after:`): an import brings old messages late, so ids will not do.
            models.Index(fields=["created_at", "id"], name="message_by_time"),
            # What a platform tells about a message afterwards names it by the platform's id.
            models.Index(
                fields=["message_id"],
                condition=~Q(facts=Value({}, models.JSONField())),
                name="message_by_platform",
            ),
            # … and among notes alone, which are few (`is:note`).
            models.Index(fields=["id"], condition=Q(kind="note"), name="message_notes"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @property
    def body(self) -> str:
        """The text as first shown: without the quoted history."""
        return self.visible_text or self.text


class Amendment(models.Model):
    """What an author or a platform did to a message after it was written, kept for ever beside the original."""

    class Kind(models.TextChoices):
        """What was done."""

        EDIT = "edit", _("Edited")
        DELETION = "deletion", _("Deleted")
        HIDING = "hiding", _("Hidden")
        SHOWING = "showing", _("Shown again")

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="amendments")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    text = models.TextField(blank=True)  # of an edit: what the message says from then on
    at = models.DateTimeField()
    record = models.ForeignKey("inbound.Record", on_delete=models.PROTECT, null=True, related_name="+")

    def __str__(self) -> str:
        return f"{self.kind} of {self.message_id}"


class Reaction(models.Model):
    """Somebody reacted to a message: counted, never a conversation."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="+", db_index=False)
    author = models.CharField(max_length=340)  # the network and the address: reactions make no contacts
    name = models.CharField(max_length=60)  # an emoji, or the platform's word
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "author", "name"], name="reaction_once")]

    def __str__(self) -> str:
        return f"{self.name} on {self.message_id}"


class Attachment(models.Model):
    """A file of a message; the bytes are in the storage backend under `key`."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="attachments")
    key = models.CharField(max_length=64)
    filename = models.CharField(max_length=255)
    content_type = models.CharField(max_length=127)
    size = models.BigIntegerField()
    content_id = models.CharField(max_length=255, blank=True)
    inline = models.BooleanField(default=False)
    # Of a file that its platform keeps: what fetches it, while it is not here (then `key` is empty), and how it goes:
    # {"ref": {…}, "tries": 1, "reason": why it could not be fetched}.
    remote = models.JSONField(null=True, default=None)
    fetch_at = models.DateTimeField(null=True)  # null: nothing is to be fetched any more

    class Meta:
        indexes = [
            # What is to be fetched, the oldest first.
            models.Index(fields=["fetch_at"], condition=Q(fetch_at__isnull=False), name="attachment_to_fetch"),
        ]

    # And `attachment_words` (migration 0201): files by the words of their name, accents folded.

    def __str__(self) -> str:
        return self.filename


class Reference(models.Model):
    """Every message id that was seen in a conversation or quoted by one of its messages: threading looks here.

    Ids that were only quoted count as well, so that a parent that arrives after its answer finds its place.
    """

    account = models.ForeignKey("channels.ChannelAccount", on_delete=models.CASCADE, related_name="+")
    digest = models.BinaryField(max_length=16)  # blake2b of the message id
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "digest"], name="reference_once")]

    def __str__(self) -> str:
        return f"reference to {self.conversation_id}"


class Placement(models.Model):
    """A move, merge or split by an agent, with what is needed to undo it."""

    class Kind(models.TextChoices):
        """What was done."""

        MOVE = "move", _("Moved")
        MERGE = "merge", _("Merged")
        SPLIT = "split", _("Split")

    kind = models.CharField(max_length=5, choices=Kind.choices)
    source = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="+")
    target = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="+")
    message_ids = models.JSONField()
    source_state = models.CharField(max_length=8, blank=True)  # before, to restore
    # What else undoing needs: {"references": [ids], "source": {…}, "target": {…}}; see placing.py.
    undo = models.JSONField(default=dict)
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.kind} {self.source_id} → {self.target_id}"


class ReadMark(models.Model):
    """Up to where a person has read a conversation."""

    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="+")
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="+")
    read_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "conversation"], name="read_mark_once")]

    def __str__(self) -> str:
        return f"{self.user_id} read {self.conversation_id}"


class Colour(models.TextChoices):
    """The colours of labels (static/css/badges.css): they stay apart for the colour-blind."""

    BLUE = "blue", _("Blue")
    GREEN = "green", _("Green")
    AMBER = "amber", _("Amber")
    RED = "red", _("Red")
    PLUM = "plum", _("Plum")
    TEAL = "teal", _("Teal")
    BROWN = "brown", _("Brown")


class Label(models.Model):
    """What a conversation is about, in the organisation's own words."""

    name = models.CharField(_("name"), max_length=40)
    colour = models.CharField(_("colour"), max_length=8, choices=Colour.choices, default=Colour.BLUE)

    class Meta:
        constraints = [models.UniqueConstraint(Lower("name"), name="label_name_once")]

    def __str__(self) -> str:
        return self.name


class Labelling(models.Model):
    """A conversation has a label. The unique index also serves the row's tags and the filter by label."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="+", db_index=False)
    label = models.ForeignKey(Label, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["conversation", "label"], name="labelling_once")]

    def __str__(self) -> str:
        return f"{self.conversation_id} is {self.label_id}"


class Link(models.Model):
    """Two conversations that have to do with each other; symmetrical, kept once with the lower number first."""

    low = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="+", db_index=False)
    high = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="+")
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["low", "high"], name="link_once"),
            models.CheckConstraint(condition=Q(low__lt=F("high")), name="link_lower_first"),
        ]

    def __str__(self) -> str:
        return f"{self.low_id} ↔ {self.high_id}"


class SavedView(models.Model):
    """A list of the queue that somebody keeps: what it holds (filtering.QueueFilter as JSON) and who sees it."""

    class Scope(models.TextChoices):
        """Who sees the view."""

        PERSONAL = "personal", _("Only me")
        TEAM = "team", _("A team")
        EVERYONE = "everyone", _("Everyone")

    name = models.CharField(_("name"), max_length=60)
    owner = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="+")
    scope = models.CharField(max_length=8, choices=Scope.choices, default=Scope.PERSONAL)
    team = models.ForeignKey("accounts.Team", on_delete=models.CASCADE, null=True, related_name="+")
    filter = models.JSONField(default=dict)
    position = models.IntegerField(default=0)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(scope="team", team__isnull=False) | (~Q(scope="team") & Q(team__isnull=True)),
                name="saved_view_team_of_scope",
            )
        ]

    def __str__(self) -> str:
        return self.name


class BulkChange(models.Model):
    """One change of many conversations by a person, with what each was before, so that it can be undone."""

    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    what = models.CharField(max_length=10)  # assign, team, state, priority, labels
    # By the number of the conversation: {column: value} before and after; of labels {"added": […], "removed": […]}.
    before = models.JSONField()
    after = models.JSONField()
    undone_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.made_by_id} changed {len(self.before)}"
