"""Requests that the server itself makes to addresses that people entered.

An address must not lead into the server's own network: its name is resolved once, every address it has must be public,
and the connection goes to what was resolved, so that a name that answers otherwise the second time changes nothing.
Redirects are not followed. Hosts in LOUPE_HOOK_HOSTS are allowed wherever they are, for labs with their own.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

import urllib3
from django.conf import settings

from enrichment.errors import AddressRefused

TIMEOUT = urllib3.Timeout(connect=5.0, read=10.0)


def checked(url: str) -> tuple[str, str, int, str]:
    """An address taken apart, and where it leads.

    Returns:
        Scheme, host, port, and the IP address that a connection must go to.

    Raises:
        AddressRefused: it is no http address, does not resolve, or leads into a private network.
    """
    parts = urlsplit(url)
    try:
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    except ValueError:
        port = 0
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not host or not port or parts.username or parts.password:
        raise AddressRefused(f"{url!r} cannot be called; give an address like https://example.org/hook.")
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except OSError as error:
        raise AddressRefused(f"{host} is not found; check the address {url}.") from error
    private = sorted(each for each in found if not ipaddress.ip_address(each.partition("%")[0]).is_global)
    if private and host not in settings.HOOK_HOSTS:
        raise AddressRefused(
            f"{host} leads into a private network ({private[0]}), where this server must not be sent. Whoever runs it "
            f"can allow the host by its name in LOUPE_HOOK_HOSTS."
        )
    return parts.scheme, host, port, sorted(found)[0]


def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Send a body; returns the HTTP status of the answer, whose content is not looked at.

    Raises:
        AddressRefused: the address must not be called.
        urllib3.exceptions.HTTPError: nobody answered, or not in time.
    """
    scheme, host, port, address = checked(url)
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    named = host if port in {80, 443} else f"{host}:{port}"
    pool: urllib3.HTTPConnectionPool
    if scheme == "https":
        pool = urllib3.HTTPSConnectionPool(
            address, port, timeout=TIMEOUT, server_hostname=host, assert_hostname=host, cert_reqs="CERT_REQUIRED"
        )
    else:
        pool = urllib3.HTTPConnectionPool(address, port, timeout=TIMEOUT)
    with pool:
        answer = pool.urlopen(
            "POST", target, body=body, headers={**headers, "Host": named}, redirect=False, retries=False
        )
        return int(answer.status)
