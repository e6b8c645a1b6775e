"""The readers of listening: for the page, the settings, the worker. Pages start from the person's teams (INV-06)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db.models import Count, Exists, OuterRef, Prefetch, Q
from django.db.models.functions import TruncDate
from django.utils import timezone

from comptoir.accounts.models import User
from comptoir.accounts.queries import team_ids_of
from comptoir.core import clock
from comptoir.listening.access import hits_of, mentions_of, searches_of
from comptoir.listening.bursts import SPAN, hours_before
from comptoir.listening.models import Burst, Hit, Mention, Search, Source, SourceKind
from comptoir.listening.rules import Matcher, Post, Wanted, page_mark, read_wanted
from comptoir.listening.services import Listener

PAGE = 30
CHART_DAYS = 30
PREVIEWED = 500  # mentions that a search is tried with
SHOWN_ALERT = timedelta(days=2)
STREAMS = (SourceKind.BLUESKY, SourceKind.MASTODON)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of mentions; each has `mine`, the hits of the person's teams. `older` begins the next page, or is ''."""

    mentions: Sequence[Mention]
    older: str = ""


def mentions_page(
    user: User, *, search_id: int | None = None, show: str = "open", before: tuple[datetime, int] | None = None
) -> Page:
    """Return a page of the mentions of the person's teams, newest first; `show`: open, dismissed, made or all."""
    mine = hits_of(user) if search_id is None else hits_of(user).filter(search_id=search_id)
    wanted = {
        "open": Q(dismissed_at=None, record=None),
        "dismissed": Q(dismissed_at__isnull=False),
        "made": Q(record__isnull=False),
    }.get(show, Q())
    found = Mention.objects.filter(Exists(mine.filter(wanted, mention=OuterRef("pk")))).exclude(text="")
    if before is not None:
        at, number = before
        found = found.filter(Q(published_at__lt=at) | Q(published_at=at, id__lt=number))
    own = hits_of(user).select_related("search__team", "record").order_by("search__name", "id")
    rows = list(
        found.select_related("source")
        .prefetch_related(Prefetch("hits", queryset=own, to_attr="mine"))
        .order_by("-published_at", "-id")[: PAGE + 1]
    )
    last = rows[PAGE - 1] if len(rows) > PAGE else None
    return Page(rows[:PAGE], page_mark(last.published_at, last.pk) if last else "")


@dataclass(frozen=True, slots=True)
class Counted:
    """A search with its mentions of the last 30 days that nobody dismissed."""

    search: Search
    count: int


def counts_by_search(user: User) -> list[Counted]:
    """Return the searches of the person's teams with their counts."""
    since = clock.now() - timedelta(days=CHART_DAYS)
    counted = Count("hits", filter=Q(hits__at__gte=since, hits__dismissed_at=None))
    return [Counted(row, row.found) for row in searches_of(user).annotate(found=counted)]


def counts_by_day(user: User, *, search_id: int | None = None) -> tuple[date, dict[date, int]]:
    """Return the first day of the chart and the mentions of each day, by the clock of the person."""
    today = timezone.localtime(clock.now()).date()
    first = today - timedelta(days=CHART_DAYS - 1)
    since = timezone.make_aware(datetime(first.year, first.month, first.day))  # noqa: DTZ001  # made aware at once
    mine = hits_of(user) if search_id is None else hits_of(user).filter(search_id=search_id)
    days = (
        mine.filter(at__gte=since, dismissed_at=None)
        .annotate(day=TruncDate("at"))
        .values("day")
        .annotate(n=Count("mention_id", distinct=True))
    )
    return first, {row["day"]: row["n"] for row in days}


def open_bursts(user: User) -> list[Burst]:
    """Return the alerts of the last two days that nobody has seen to, newest first."""
    found = Burst.objects.filter(search__team_id__in=team_ids_of(user), dismissed_at=None)
    return list(found.filter(at__gt=clock.now() - SHOWN_ALERT).select_related("search").order_by("-at", "-id")[:20])


def burst_count(user: User) -> int:
    """Return how many alerts wait, for the navigation."""
    found = Burst.objects.filter(search__team_id__in=team_ids_of(user), dismissed_at=None)
    return found.filter(at__gt=clock.now() - SHOWN_ALERT).count()


@dataclass(frozen=True, slots=True)
class Trial:
    """What a search would have found among the last mentions of the person's teams."""

    looked_at: int
    found: Sequence[Mention] = field(default_factory=tuple)


def preview(user: User, wanted: Wanted, source_ids: Sequence[int]) -> Trial:
    """Try a search that is not saved with the last mentions of the person's teams."""
    rows = mentions_of(user).exclude(text="").select_related("source").order_by("-published_at", "-id")
    last = list((rows.filter(source_id__in=source_ids) if source_ids else rows)[:PREVIEWED])
    matcher = Matcher({1: wanted})
    return Trial(len(last), [row for row in last if matcher.matches(_post(row), row.language)])


def _post(row: Mention) -> Post:
    return Post(row.external_id, row.text, row.url, row.author_name, row.author_handle, row.author_id)


def all_sources() -> list[Source]:
    """Return the sources of the installation."""
    return list(Source.objects.order_by("kind", "name", "id"))


def listener_of(source_id: int) -> Listener:
    """Return what the active searches want of a source: those that name it, and those that name none."""
    rows = list(
        Search.objects.filter(is_active=True)
        .filter(Q(sources=source_id) | Q(sources=None))
        .distinct()
        .values_list("pk", "wanted", "makes_conversations")
    )
    due = frozenset(number for number, _wanted, makes in rows if makes)
    return Listener(Matcher({number: read_wanted(wanted) for number, wanted, _makes in rows}), due)


def stream_ids() -> list[int]:
    """Return the sources that are listened to all the time."""
    return list(Source.objects.filter(is_active=True, kind__in=STREAMS).order_by("id").values_list("pk", flat=True))


def due_feeds(at: datetime) -> list[Source]:
    """Return the feeds that may be asked now, the longest due first."""
    found = Source.objects.filter(is_active=True, kind=SourceKind.FEED).filter(Q(next_at=None) | Q(next_at__lte=at))
    return list(found.order_by("next_at", "id")[:100])


def nameless_authors(limit: int) -> list[tuple[int, str]]:
    """Return (source, author) of mentions whose author the stream told by number only, the newest first."""
    found = Mention.objects.filter(author_handle="", reach=None, source__kind=SourceKind.BLUESKY).exclude(author_id="")
    return list(found.order_by("-id").values_list("source_id", "author_id")[:limit])


@dataclass(frozen=True, slots=True)
class Level:
    """A search's mentions of the last quarter of an hour, of the hours to compare with, and its last alert."""

    search: Search
    count: int
    earlier: Sequence[int]
    last_alert: datetime | None


def levels(at: datetime) -> list[Level]:
    """Return the levels of all active searches that found anything in the last quarter of an hour."""
    recent = Hit.objects.filter(at__gt=at - SPAN, at__lte=at).values("search").annotate(n=Count("id"))
    counts = {row["search"]: row["n"] for row in recent}
    found: list[Level] = []
    for search in Search.objects.filter(pk__in=counts, is_active=True).order_by("id"):
        # Weeks before the search was there say nothing about its usual level.
        spans = [span for span in hours_before(at) if span[0] >= search.created_at]
        earlier = [Hit.objects.filter(search=search, at__gt=a, at__lte=b).count() for a, b in spans]
        last = Burst.objects.filter(search=search).order_by("-at").values_list("at", flat=True).first()
        found.append(Level(search, counts[search.pk], earlier, last))
    return found
