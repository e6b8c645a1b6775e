"""Connections beside Django's pool, for listeners and the asynchronous doors: to the same database as the models."""

from django.db import connection
from psycopg.conninfo import make_conninfo


def conninfo() -> str:
    """Return the connection string of Django's database (under test: of the test database)."""
    values = connection.settings_dict
    named = {"host": values["HOST"], "port": values["PORT"], "user": values["USER"], "password": values["PASSWORD"]}
    extra = {k: v for k, v in values["OPTIONS"].items() if k not in {"pool", "isolation_level", "server_side_binding"}}
    return make_conninfo("", dbname=values["NAME"], **{k: v for k, v in named.items() if v}, **extra)
