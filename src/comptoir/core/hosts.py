"""Which addresses an outgoing connection may go to: names are resolved once, and the answer that was checked is used.

`reachable` is the guard against server-side request forgery: an address in our own network is refused unless the
operator named its host (COMPTOIR_ALLOW_PRIVATE). Connections that an administrator configured by host name (IMAP,
SMTP) may be private, since mail servers often are; even they never reach a link-local (cloud metadata) address.
"""

import ipaddress
import socket

from django.conf import settings
from django.utils.translation import gettext as _

from comptoir.core.errors import ChannelError

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address


def reachable(host: str, port: int, *, allow_private: bool = False) -> list[str]:
    """Return the addresses of a host that may be connected to, best first. Raises ChannelError when none may."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ChannelError(_("There is no host named “%(host)s”. Check the name.") % {"host": host}) from error
    addresses = list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))
    named = host.lower() in {name.lower() for name in settings.ALLOWED_PRIVATE_HOSTS}
    allowed = [a for a in addresses if is_allowed(ipaddress.ip_address(a), private=allow_private or named)]
    if not allowed:
        text = _(
            "“%(host)s” is in a private network (%(address)s); requests to it are refused. "
            "If it is yours, name it in COMPTOIR_ALLOW_PRIVATE."
        )
        raise ChannelError(text % {"host": host, "address": addresses[0]}, permanent=True)
    return allowed


def is_allowed(address: IPAddress, *, private: bool) -> bool:
    """Return whether a connection to this address is allowed; `private`: also into private networks and loopback."""
    for inner in _embedded(address):
        if inner.is_multicast or inner.is_unspecified or inner.is_link_local:
            return False
        if not private and not inner.is_global:
            return False
    return True


def _embedded(address: IPAddress) -> list[IPAddress]:
    """Return the address and every IPv4 address that it carries inside: a tunnel must not lead around the guard."""
    found: list[IPAddress] = []
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return [address.ipv4_mapped]
        if address.sixtofour:
            found.append(address.sixtofour)
        if address.teredo:
            found.extend(address.teredo)
        if address in _NAT64:
            return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    return [address, *found]
