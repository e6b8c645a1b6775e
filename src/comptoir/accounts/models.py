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

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="organisation_is_single")]

    def __str__(self) -> str:
        return self.name


class Team(models.Model):
    """A part of the company that shares conversations: service, marketing, PR, sales."""

    name = models.CharField(_("name"), max_length=80, unique=True)
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
