"""Opening hours of the organisation and of its teams."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class Calendar(models.Model):
    """When somebody answers. One for the organisation, and one for each team that keeps other hours."""

    team = models.OneToOneField("accounts.Team", on_delete=models.CASCADE, null=True, related_name="calendar")
    zone = models.CharField(_("time zone"), max_length=64)
    holidays_of = models.CharField(_("holidays"), max_length=16, blank=True)  # 'FR', 'FR-57', …; '': none
    is_always_open = models.BooleanField(_("open around the clock"), default=False)

    class Meta:
        constraints = [
            # `team` is unique; nulls are not, hence a constraint of its own.
            models.UniqueConstraint(fields=["team"], nulls_distinct=False, name="calendar_once_a_team"),
        ]

    def __str__(self) -> str:
        return f"hours of team {self.team_id}" if self.team_id else "hours of the organisation"


class Span(models.Model):
    """Open every week from `start` to `end`: minutes after midnight of `weekday`; beyond 1,440 it is the next day."""

    calendar = models.ForeignKey(Calendar, on_delete=models.CASCADE, related_name="spans")
    weekday = models.SmallIntegerField()  # 0 is Monday
    start = models.SmallIntegerField()
    end = models.SmallIntegerField()

    class Meta:
        ordering = ["weekday", "start"]
        constraints = [
            models.CheckConstraint(condition=Q(weekday__range=(0, 6)), name="span_has_weekday"),
            models.CheckConstraint(
                condition=Q(start__gte=0, start__lt=1440, end__gt=F("start"), end__lte=F("start") + 1440),
                name="span_is_a_day_at_most",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.weekday}: {self.start}–{self.end}"


class Closure(models.Model):
    """Some days unlike the week: closed, or open although they are not; the whole day, or some hours of it."""

    calendar = models.ForeignKey(Calendar, on_delete=models.CASCADE, related_name="closures")
    name = models.CharField(_("name"), max_length=120, blank=True)
    first_on = models.DateField(_("first day"))
    last_on = models.DateField(_("last day"))
    is_open = models.BooleanField(default=False)
    start = models.SmallIntegerField(default=0)
    end = models.SmallIntegerField(default=1440)

    class Meta:
        ordering = ["first_on", "start"]
        constraints = [
            models.CheckConstraint(condition=Q(last_on__gte=F("first_on")), name="closure_ends_after_start"),
            models.CheckConstraint(
                condition=Q(start__gte=0, end__gt=F("start"), end__lte=1440), name="closure_is_within_a_day"
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"{self.first_on}"
