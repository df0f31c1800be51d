"""The listening ports: their options, the services behind them, and which of them speak TLS."""

import argparse
import ssl
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Final

from simulator import argument_types
from simulator.certificates import KIS_HOSTS, how_to_trust, prepared
from simulator.server import Door, listen

_PORTS: Final = (
    ("port", "http", False),
    ("stream_port", "ws", False),
    ("paper_port", "http", True),
    ("paper_stream_port", "ws", True),
)
_REST: Final = "rest"
_ALL: Final = "all"
_ANY_ADDRESS: Final = "0.0.0.0"  # noqa: S104 - nothing is bound here


class PortTakenError(Exception):
    """A port cannot be bound; exit code 1."""


def add_port_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the ports."""
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    add("--port", type=argument_types.port, default=9443, help="port, 0 = any free one (default %(default)s)")
    add(
        "--stream-port",
        type=argument_types.port,
        help="one more port, for WebSocket clients that expect one of their own",
    )
    add("--paper-port", type=argument_types.port, help="port of the paper service over the same market (default: none)")
    add(
        "--paper-stream-port",
        type=argument_types.port,
        help="the paper service's port for WebSocket clients (default: none)",
    )
    add(
        "--tls",
        nargs="?",
        const=_REST,
        choices=(_REST, _ALL),
        help="https and wss, for bots with fixed addresses: rest (default) = --port and --paper-port as at KIS; or all",
    )
    add(
        "--tls-folder",
        type=Path,
        default=Path.home() / ".kis-simulator",
        help="private folder of the authority that --tls makes at its first start (default %(default)s)",
    )


def served_hosts(options: argparse.Namespace) -> frozenset[str]:
    """Return the allowed host names, without the wildcard address: clients cannot use it as a name."""
    names = {name.lower().strip("[]") for name in (options.host, *options.allowed_host)}
    return frozenset(names - {_ANY_ADDRESS}) | frozenset(KIS_HOSTS if options.tls else ())


def tls_of(options: argparse.Namespace, hosts: Collection[str]) -> ssl.SSLContext | None:
    """Prepare TLS and print how to trust it to standard error, or return None without ``--tls``."""
    if not options.tls:
        return None
    trust = prepared(options.tls_folder.absolute(), sorted(hosts))
    streams = "wss" if options.tls == _ALL else "plain ws, as KIS's do"
    for line in how_to_trust(trust, streams).splitlines():
        print(f"simulator: {line}", file=sys.stderr)  # noqa: T201
    return trust.context


def open_doors(options: argparse.Namespace, tls: ssl.SSLContext | None) -> list[Door]:
    """Listen on every requested port, or on none if one fails."""
    doors: list[Door] = []
    for name, scheme, is_paper in _PORTS:
        port = getattr(options, name)
        if port is None:
            continue
        own = tls if scheme == "http" or options.tls == _ALL else None
        try:
            doors.append(Door(listen(options.host, port), scheme, is_paper, own))
        except OSError as error:
            for door in doors:
                door.listening.close()
            option = name.replace("_", "-")
            said = f"cannot listen on {options.host}:{port}: {error.strerror}; choose another --{option}"
            raise PortTakenError(said) from error
    return doors
