"""Staff and their teams. Customers are `contacts`, never users.

INV-06 rests on `Membership`: a person sees the conversations of the teams they belong to.
"""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils.translation import gettext_lazy as _


class Organisation(models.Model):
    """The one organisation of this installation: its name and its public face."""

    name = models.CharField(_("name"), max_length=120)
    language = models.CharField(_("language"), max_length=8, default="en")
    time_zone = models.CharField(_("time zone"), max_length=64, default="Europe/Paris")
    accent = models.CharField(_("colour"), max_length=7, default="#0f5c4c")
    is_demo = models.BooleanField(default=False)
    # Whoever signs in with a password must also prove a second factor; without one they are led to its set-up.
    requires_two_factor = models.BooleanField(default=False)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="organisation_is_single")]

    def __str__(self) -> str:
        return self.name


class Department(models.TextChoices):
    """Which part of the company a team belongs to."""

    SERVICE = "service", _("Customer service")
    MARKETING = "marketing", _("Marketing")
    PR = "pr", _("Public relations")
    SALES = "sales", _("Sales")
    PRODUCT = "product", _("Product")
    OTHER = "other", _("Other")


class Team(models.Model):
    """A part of the company that shares conversations: service, marketing, PR, sales."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    department = models.CharField(
        _("department"), max_length=10, choices=Department.choices, default=Department.SERVICE
    )
    members: "models.ManyToManyField[User, Membership]" = models.ManyToManyField(
        "User", through="Membership", related_name="teams"
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    """What a person may do beyond their own conversations."""

    AGENT = "agent", _("Agent")
    LEAD = "lead", _("Team lead")
    ADMIN = "admin", _("Administrator")
    AUDITOR = "auditor", _("Auditor")


class UserManager(BaseUserManager["User"]):
    """Makes users from an e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a member of staff; without a password they cannot sign in by password."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        """Find by e-mail, whatever the case it was typed in."""
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser):
    """A member of staff."""

    email = models.EmailField(_("e-mail"), unique=True)
    name = models.CharField(_("name"), max_length=120)
    role = models.CharField(_("role"), max_length=10, choices=Role.choices, default=Role.AGENT)
    language = models.CharField(
        _("language"), max_length=8, choices=[("en", "English"), ("fr", "Français")], default="en"
    )
    time_zone = models.CharField(_("time zone"), max_length=64, default="Europe/Paris")
    theme = models.CharField(
        _("theme"),
        max_length=8,
        choices=[("auto", _("Like the device")), ("light", _("Light")), ("dark", _("Dark"))],
        default="auto",
    )
    shortcuts = models.BooleanField(_("single-key shortcuts"), default=True)  # WCAG 2.1.4: they can be switched off
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["name"]
    objects: ClassVar[UserManager] = UserManager()

    def __str__(self) -> str:
        return self.name

    @property
    def is_admin(self) -> bool:
        """Whether they may change the installation: accounts, people, tokens, webhooks."""
        return self.role == Role.ADMIN

    @property
    def may_write(self) -> bool:
        """Whether they may change anything beyond their own settings; an auditor reads."""
        return self.role != Role.AUDITOR

    @property
    def initials(self) -> str:
        """One or two letters for the avatar."""
        words = self.name.split()
        return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper()


class Membership(models.Model):
    """A person belongs to a team."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "team"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.team_id}"


class Invitation(models.Model):
    """Somebody was asked to join. The link is a signature over the row's number: nothing secret is stored."""

    email = models.EmailField(_("e-mail"))
    role = models.CharField(_("role"), max_length=10, choices=Role.choices, default=Role.AGENT)
    teams: "models.ManyToManyField[Team, Any]" = models.ManyToManyField(Team, related_name="+")
    language = models.CharField(
        _("language"), max_length=8, choices=[("en", "English"), ("fr", "Français")], default="en"
    )
    invited_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # One open invitation for an address; asking again renews it. Also the list of those that are pending.
            models.UniqueConstraint(
                fields=["email"],
                condition=models.Q(accepted_at__isnull=True, withdrawn_at__isnull=True),
                name="invitation_pending_once",
            )
        ]

    def __str__(self) -> str:
        return self.email


class StaffSession(models.Model):
    """Where a person is signed in. Django's session holds what counts; this row is what a person may know of it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    session_key = models.CharField(max_length=40, unique=True)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    address = models.CharField(max_length=45, blank=True)
    agent = models.CharField(max_length=300, blank=True)

    class Meta:
        # A person's sessions, the latest first; and when each person of the list was last seen.
        indexes = [models.Index(fields=["user", "-seen_at"], name="session_of_user")]

    def __str__(self) -> str:
        return f"session {self.pk} of user {self.user_id}"


class SignOn(models.Model):
    """The organisation's own sign-in (OpenID Connect): one row, filled in by an administrator."""

    label = models.CharField(_("label of the button"), max_length=60)
    issuer = models.CharField(_("issuer"), max_length=300)
    client_id = models.CharField(_("client ID"), max_length=200)
    credentials = models.BinaryField(default=bytes)  # INV-08: the client secret, encrypted
    domains = models.JSONField(default=list)  # of e-mail addresses that may come in; empty: any
    creates_people = models.BooleanField(default=False)
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.AGENT)
    team = models.ForeignKey(Team, on_delete=models.SET_NULL, null=True, related_name="+")
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="sign_on_is_single")]

    def __str__(self) -> str:
        return self.label
