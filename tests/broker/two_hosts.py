"""Two hosts on one machine, joined by a link that can be cut: network namespaces of the kernel."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from shutil import which

SERVER_ADDRESS = "10.213.77.2"
_CLIENT_ADDRESS = "10.213.77.1"
_SERVER_CARD = "02:00:00:00:00:02"
_NO_CARD = "02:00:00:00:00:fe"


@dataclass(frozen=True)
class TwoHosts:
    """A client's and a server's network; commands run in them by prefix."""

    name: str

    @property
    def on_client(self) -> list[str]:
        return ["ip", "netns", "exec", f"{self.name}-c"]

    @property
    def on_server(self) -> list[str]:
        return ["ip", "netns", "exec", f"{self.name}-s"]

    def cut(self) -> None:
        """Drop everything that the client sends from now on; neither side is notified."""
        self._send_to(_NO_CARD)

    def heal(self) -> None:
        self._send_to(_SERVER_CARD)

    def _send_to(self, card: str) -> None:
        about = (SERVER_ADDRESS, "lladdr", card, "dev", "client", "nud", "permanent")
        _ip("-n", f"{self.name}-c", "neigh", "replace", *about)


@contextmanager
def two_hosts() -> Iterator[TwoHosts]:
    """Join two networks for the duration of the context."""
    hosts = TwoHosts(f"haru{os.getpid()}")
    client, server = f"{hosts.name}-c", f"{hosts.name}-s"
    try:
        _ip("netns", "add", client)
        _ip("netns", "add", server)
        _ip("-n", client, "link", "add", "client", "type", "veth", "peer", "name", "server", "netns", server)
        _ip("-n", server, "link", "set", "server", "address", _SERVER_CARD)
        for host, end, address in ((client, "client", _CLIENT_ADDRESS), (server, "server", SERVER_ADDRESS)):
            _ip("-n", host, "addr", "add", f"{address}/24", "dev", end)
            _ip("-n", host, "link", "set", end, "up")
        hosts.heal()
        yield hosts
    finally:
        for host in (client, server):
            subprocess.run(["ip", "netns", "del", host], capture_output=True, check=False)


def why_impossible() -> str:
    """Return why this machine cannot have two networks; the empty text if it can."""
    if which("ip") is None:
        return "needs the program ip (iproute2)"
    if os.geteuid() != 0:
        return "needs root for network namespaces"
    try:
        with two_hosts():
            return ""
    except subprocess.CalledProcessError as refused:
        return f"needs network namespaces: {refused.stderr.decode().strip()}"


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], capture_output=True, check=True)
