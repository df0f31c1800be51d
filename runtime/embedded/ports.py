"""Loopback ports: use the configured port if it is free, otherwise refuse with the variable to change."""

import secrets
import socket
from typing import Final

from runtime.embedded.errors import PortTakenError

LOOPBACK: Final = "127.0.0.1"


_CHOSEN: Final = range(12_000, 30_000)
"""Below the ports that Linux, BSD and macOS give to outgoing connections: one of these could take the port until a
part listens on it. Browsers open every one of them."""
_TRIES: Final = 50


def free_port() -> int:
    """Return a port that is free at this moment, and that no outgoing connection takes later."""
    for _ in range(_TRIES):
        port = _CHOSEN[secrets.randbelow(len(_CHOSEN))]
        if _bindable(port):
            return port
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def claim_port(configured: int, variable: str, part: str) -> int:
    """Return the configured port, or a free one for 0; raise PortTakenError naming the variable to change."""
    if configured == 0:
        return free_port()
    if is_taken(configured):
        raise PortTakenError(
            f"port {configured} for {part} is taken by another program; "
            f"stop that, or set {variable} (0 picks a free port)"
        )
    return configured


def is_taken(port: int) -> bool:
    """Return whether another program uses a loopback port."""
    return answers(port) or not _bindable(port)


def answers(port: int) -> bool:
    """Return whether a program accepts connections on a loopback port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False


def _bindable(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
