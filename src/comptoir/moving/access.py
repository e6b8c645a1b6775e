"""INV-06 for imports: an administrator sees those that go to one of their teams."""

from django.db.models import QuerySet

from comptoir.accounts.models import User
from comptoir.accounts.queries import team_ids_of
from comptoir.core.errors import AccessDenied
from comptoir.moving.models import Import


def accessible_imports(user: User) -> QuerySet[Import]:
    """Return the imports into the person's teams, newest first."""
    rows = Import.objects.filter(team_id__in=team_ids_of(user), account__team_id__in=team_ids_of(user))
    return rows.select_related("account", "team", "started_by").order_by("-id")


def access_import(user: User, import_id: int) -> Import:
    """Return one import if the person may see it; raises AccessDenied, also when it does not exist."""
    found = accessible_imports(user).filter(pk=import_id).first()
    if found is None:
        raise AccessDenied("This import does not exist, or goes to a team that you are not in.")
    return found
