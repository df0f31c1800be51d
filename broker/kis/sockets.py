"""Sockets to KIS: unsent data of a request in the kernel is dropped with the request."""

import socket
import ssl
import struct
from typing import Final

import httpx

from broker.kis.connection import ORDER_TIMEOUT

UNACKNOWLEDGED_FOR: Final = ORDER_TIMEOUT + 2.0
"""Seconds after which the kernel gives up a request that the peer has not acknowledged.

It is longer than an order may take, so that our own time-out comes first. It is shorter than the settle time of a proof
of absence, so that the request of a frozen process is dead before the proof ends.
"""

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
"""``linger`` on, zero seconds: closing drops unsent data and sends RST (Linux ``socket(7)``, ``SO_LINGER``)."""
SocketOption = tuple[int, int, int] | tuple[int, int, bytes]
_LIMITS: Final = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=3.0)


def kis_transport(verify: ssl.SSLContext | None = None) -> httpx.AsyncHTTPTransport:
    """Return the only transport for orders: no retries, no proxy, and no request that outlives its end."""
    return httpx.AsyncHTTPTransport(
        verify=verify or True, trust_env=False, limits=_LIMITS, retries=0, socket_options=socket_options()
    )


def socket_options() -> list[SocketOption]:
    """Return the options of every connection, new or kept; without them the kernel retransmits a request for minutes.

    ``TCP_USER_TIMEOUT`` exists on Linux only; other systems rely on the reset on closing.
    """
    options: list[SocketOption] = [(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)]
    user_timeout = getattr(socket, "TCP_USER_TIMEOUT", None)
    if user_timeout is not None:
        options.append((socket.IPPROTO_TCP, user_timeout, int(UNACKNOWLEDGED_FOR * 1000)))
    return options
