"""Free ports: no outgoing connection can take one before its part listens."""

import socket

import pytest

from runtime.embedded import ports
from runtime.embedded.ports import LOOPBACK, free_port


def outgoing() -> int:
    """Return the port that the system gives to a connection."""
    with socket.create_server((LOOPBACK, 0)) as server, socket.create_connection(server.getsockname()) as connection:
        return int(connection.getsockname()[1])


def test_a_free_port_is_none_of_those_of_outgoing_connections() -> None:
    chosen = {free_port() for _ in range(20)}

    assert len(chosen) > 10
    assert max(chosen) < min(outgoing() for _ in range(20))
    for port in chosen:
        socket.create_server((LOOPBACK, port)).close()


def test_a_taken_port_is_not_chosen_and_without_a_free_one_the_system_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(ports, "_CHOSEN", range(port, port + 1))

        chosen = free_port()

        assert chosen != port
        socket.create_server((LOOPBACK, chosen)).close()
