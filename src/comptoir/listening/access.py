"""INV-06 for listening: a mention, and all that hangs on it, belongs to the teams of the searches it answers."""

from django.db.models import Exists, OuterRef, QuerySet

from comptoir.accounts.models import Role, User
from comptoir.accounts.queries import team_ids_of
from comptoir.core.errors import AccessDenied
from comptoir.listening.models import Burst, Hit, Mention, Search, Source


def hits_of(user: User) -> QuerySet[Hit]:
    """Return the hits of the person's teams."""
    return Hit.objects.filter(search__team_id__in=team_ids_of(user))


def mentions_of(user: User) -> QuerySet[Mention]:
    """Return the mentions that answer a search of the person's teams."""
    return Mention.objects.filter(Exists(hits_of(user).filter(mention=OuterRef("pk"))))


def searches_of(user: User) -> QuerySet[Search]:
    """Return the searches of the person's teams."""
    return Search.objects.filter(team_id__in=team_ids_of(user)).select_related("team").order_by("name", "id")


def may_manage(user: User) -> bool:
    """Whether the person manages searches."""
    return user.role in {Role.LEAD, Role.ADMIN}


def access_mention(user: User, mention_id: int) -> Mention:
    """Return one mention that answers a search of the person's teams; raises AccessDenied for any other."""
    found = mentions_of(user).filter(pk=mention_id).select_related("source").first()
    if found is None:
        raise AccessDenied("no such mention")
    return found


def access_search(user: User, search_id: int) -> Search:
    """Return one search of the person's teams that they may change; raises AccessDenied."""
    found = searches_of(user).filter(pk=search_id).first()
    if found is None or not may_manage(user):
        raise AccessDenied("no such search")
    return found


def access_burst(user: User, burst_id: int) -> Burst:
    """Return one alert of a search of the person's teams, for those who manage searches; raises AccessDenied."""
    found = Burst.objects.filter(search__team_id__in=team_ids_of(user), pk=burst_id).select_related("search").first()
    if found is None or not may_manage(user):
        raise AccessDenied("no such alert")
    return found


def access_source(user: User, source_id: int) -> Source:
    """Return one source, for administrators: they are the installation's. Raises AccessDenied."""
    found = Source.objects.filter(pk=source_id).first() if user.is_admin else None
    if found is None:
        raise AccessDenied("no such source")
    return found
