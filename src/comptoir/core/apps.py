"""The foundation app: it has no models, but owns the database functions and the cache table (migrations)."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Named, so that its migrations have a label."""

    name = "comptoir.core"
    label = "core"
