"""Contacts: people outside the organisation, and the identities under which they write."""

from django.db import models
from django.db.models import Q, Value
from django.utils.translation import gettext_lazy as _


class Contact(models.Model):
    """One person (or one company's desk) who writes to us."""

    name = models.CharField(_("name"), max_length=200, blank=True)
    company = models.CharField(_("company"), max_length=200, blank=True)
    language = models.CharField(_("language"), max_length=8, blank=True)
    attributes = models.JSONField(default=dict)  # what programs know (the API): short texts by any name
    # Values of the organisation's own fields (CustomField) by key; the pipeline does not write it.
    fields = models.JSONField(default=dict, db_default=Value({}, models.JSONField()))
    created_at = models.DateTimeField()
    # INV-10: an absorbed contact stays, pointing at the survivor, so that the merge can be undone.
    merged_into = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="absorbed")

    class Meta:
        indexes = [
            models.Index(fields=["-id"], condition=Q(merged_into__isnull=True), name="contact_newest"),
            # And `contact_words` (migration 0003): people by the words of their name and company, accents folded.
        ]

    def __str__(self) -> str:
        return self.name or str(_("Unknown"))


class FieldKind(models.TextChoices):
    """What a field of one's own holds."""

    TEXT = "text", _("Text")
    NUMBER = "number", _("Number")
    DATE = "date", _("Date")
    CHOICE = "choice", _("Choice")
    CHECKBOX = "checkbox", _("Yes or no")


class CustomField(models.Model):
    """A field that the organisation adds to its contacts or its conversations. Values live under `key`."""

    class Subject(models.TextChoices):
        """What has the field."""

        CONVERSATION = "conversation", _("Conversation")
        CONTACT = "contact", _("Contact")

    subject = models.CharField(_("Belongs to"), max_length=12, choices=Subject.choices)
    key = models.SlugField(_("key"), max_length=40)  # never changed: values and views are kept by it
    name = models.CharField(_("name"), max_length=60)
    kind = models.CharField(_("kind"), max_length=8, choices=FieldKind.choices)
    choices = models.JSONField(default=list)  # texts, of a choice only
    help = models.CharField(_("help"), max_length=200, blank=True)
    position = models.IntegerField(default=0)

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["subject", "key"], name="custom_field_key_once")]

    def __str__(self) -> str:
        return self.name


class Identity(models.Model):
    """An address on a network. `kind` is the network ('email', 'webchat', 'sandbox')."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="identities")
    kind = models.CharField(max_length=20)
    address = models.CharField(max_length=320)  # normalised: lower case for e-mail
    name = models.CharField(max_length=200, blank=True)
    is_verified = models.BooleanField(default=True)  # False: somebody only typed it (a chat visitor's e-mail)
    name_asked_at = models.DateTimeField(null=True)  # when its network was asked who this is

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "address"], name="identity_once")]
        indexes = [
            # Whose name a network is still to be asked for.
            models.Index(
                fields=["kind", "id"], condition=Q(name="", name_asked_at__isnull=True), name="identity_nameless"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}:{self.address}"


class ContactMerge(models.Model):
    """Which identities and conversations moved when two contacts were merged, so that it can be undone (INV-10)."""

    survivor = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="merges")
    absorbed = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="+")
    identity_ids = models.JSONField()
    conversation_ids = models.JSONField()
    filled = models.JSONField(default=dict)  # {"name": value, …}: empty fields of the survivor that were filled in
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.absorbed_id} into {self.survivor_id}"
