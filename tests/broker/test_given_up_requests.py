"""An abandoned order is dead: once the link works again, the kernel must not deliver it after all."""

import ipaddress
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from activities.resolving import ProofRules
from broker.kis.connection import ORDER_TIMEOUT
from broker.kis.sockets import UNACKNOWLEDGED_FOR
from fleet.clocks import system_now
from tests.broker.two_hosts import SERVER_ADDRESS, TwoHosts, two_hosts, why_impossible

OURS, PLAIN = "10", "11"
"""The quantity identifies the order's client: ours, or one with the kernel's own settings."""
_PATIENCE = 60.0
_QUIET = 2.0
"""Seconds in which our order would follow that of the other client: both were sent at the same moment."""


@dataclass
class Program:
    """A running program and its output, line by line."""

    process: "subprocess.Popen[str]"
    lines: "Queue[dict[str, Any]]" = field(default_factory=Queue)

    def __post_init__(self) -> None:
        Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(json.loads(line))

    def next(self, within: float = _PATIENCE) -> dict[str, Any]:
        return self.lines.get(timeout=within)

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()


@contextmanager
def running(*command: str) -> Iterator[Program]:
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    try:
        yield Program(process)
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def hosts() -> Iterator[TwoHosts]:
    if why := why_impossible():
        pytest.skip(why)
    with two_hosts() as hosts:
        yield hosts


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Create a certificate of the server's address; return its file and that of its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "haru test")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(SERVER_ADDRESS))])
    now = system_now()
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    files[1].write_bytes(key.private_bytes(*private))
    return str(files[0]), str(files[1])


@dataclass
class Scene:
    """A server, and two clients with open connections: ours, and one with the kernel's own settings."""

    hosts: TwoHosts
    server: Program
    clients: dict[str, Program]

    def cut_and_order(self) -> None:
        self.hosts.cut()
        for client in self.clients.values():
            client.go()
            assert "sent" in client.next()

    def arrivals(self) -> list[str]:
        """Return the clients whose orders have arrived, once that of the other client has."""
        arrived = [self.server.next()["post"]]
        while arrived[-1] != PLAIN:
            arrived.append(self.server.next()["post"])
        with suppress(Empty):
            arrived.append(self.server.next(_QUIET)["post"])
        return arrived


@contextmanager
def a_scene(
    hosts: TwoHosts, certificate: tuple[str, str] | None, patience: float, kernels_patience: float
) -> Iterator[Scene]:
    python, tls = (sys.executable, "-m"), certificate or ()
    with ExitStack() as stack:
        heard = (*hosts.on_server, *python, "tests.broker.listening_host", *tls)
        server = stack.enter_context(running(*heard))
        url = f"{'https' if tls else 'http'}://{SERVER_ADDRESS}:{server.next()['port']}"
        clients = {}
        for whose, transport in ((OURS, "ours"), (PLAIN, "plain")):
            about = (url, whose, str(patience), str(kernels_patience), transport, *tls[:1])
            command = (*hosts.on_client, *python, "tests.broker.ordering_host", *about)
            clients[whose] = stack.enter_context(running(*command))
        for client in clients.values():
            assert client.next() == {"ready": True}
        yield Scene(hosts, server, clients)


@pytest.mark.slow
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_an_order_that_was_given_up_never_arrives(hosts: TwoHosts, certificate: tuple[str, str], *, tls: bool) -> None:
    with a_scene(hosts, certificate if tls else None, patience=1.0, kernels_patience=600.0) as scene:
        scene.cut_and_order()
        outcomes = [client.next()["outcome"] for client in scene.clients.values()]
        hosts.heal()
        arrived = scene.arrivals()

    assert outcomes == ["unknown", "unknown"]
    assert arrived == [PLAIN], "the kernel delivered an order that was given up"


@pytest.mark.slow
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_the_order_of_a_frozen_process_is_given_up_by_the_kernel(
    hosts: TwoHosts, certificate: tuple[str, str], *, tls: bool
) -> None:
    with a_scene(hosts, certificate if tls else None, patience=600.0, kernels_patience=2.0) as scene:
        scene.cut_and_order()
        time.sleep(0.5)  # both have handed their order to the kernel
        for client in scene.clients.values():
            client.process.send_signal(signal.SIGSTOP)
        time.sleep(4.0)  # more than the kernel's limit; longer changes nothing
        hosts.heal()
        arrived = scene.arrivals()

    assert arrived == [PLAIN], "the kernel delivered the order of a process that could not wait for its end"


def test_the_kernel_gives_up_after_us_and_before_absence_is_proven() -> None:
    assert ORDER_TIMEOUT < UNACKNOWLEDGED_FOR < ProofRules().settle_time.total_seconds() - ORDER_TIMEOUT
