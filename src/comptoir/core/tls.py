"""TLS of outgoing connections: certificates are always checked, against the system's authorities or a given one."""

import ssl
from functools import lru_cache

import certifi
from django.utils.translation import gettext as _

from comptoir.core.errors import InputError


@lru_cache(maxsize=8)
def client_context(authority: str = "") -> ssl.SSLContext:
    """Return the context for a client. `authority`: PEM text of a private authority, trusted in addition.

    Raises InputError where that text is no certificate. SSL_CERT_FILE replaces the system's list, as everywhere.
    """
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"]:  # a machine without a list of authorities of its own
        context.load_verify_locations(certifi.where())
    if authority.strip():
        try:
            context.load_verify_locations(cadata=authority.strip() + "\n")
        except (ssl.SSLError, ValueError) as error:
            raise InputError(_("This is not a certificate in PEM form (-----BEGIN CERTIFICATE-----).")) from error
    return context
