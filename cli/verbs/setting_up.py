"""Verbs that need no running fleet: doctor, key import, database upgrade and other setup."""

import argparse
import asyncio
import json
import socket
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import uvicorn
from cryptography.fernet import Fernet

from cli.doctor.checkup import Line, all_well, examine
from cli.doctor.doctor import EXPECTED, Doctor
from cli.verbs.key_import import DEFAULT_FILE, import_keys
from database.database import open_database
from database.migrations import apply
from domain.alert import LEVELS
from domain.event import EventLevel
from domain.identity import Environment
from domain.masking import Masking
from domain.plain_text import escaped, harmless
from fleet.alerting.channels import Channel, channels_of
from fleet.alerting.text import trial_message
from fleet.errors import OperationError
from runtime.embedded.books import database_alone
from runtime.embedded.ports import LOOPBACK
from runtime.embedded.upgrade import upgrade_database
from runtime.env_file import env_file
from runtime.settings import load_settings
from runtime.temporal_connection import ring_of
from security.sealing.codec_server import codec_app, new_token
from security.sealing.keys import new_key

_CHANNEL_MEND: Final = "check the address in HARU_ALERTS__URLS, the rights of its token, and the network"
_READING: Final = ("doctor", "alert-test", "new-key", "codec-server")
"""Verbs that change nothing and get no row in the audit log."""
_NAMES: Final = (LOOPBACK, "localhost")
_TRADED: Final = (Environment.PAPER, Environment.LIVE)


async def examine_all(asked: argparse.Namespace) -> int:
    """Print one line per check; return 1 when a check has failed."""
    lines: list[Line] = []
    async with Doctor() as doctor:
        async for line in examine(doctor.checks(), EXPECTED):
            mask = Masking(doctor.settings.secrets() if hasattr(doctor, "settings") else ())
            lines.append(Line(line.name, line.verdict, mask(line.text), mask(line.mend)))
            if not asked.json:
                _print(str(lines[-1]))
    if asked.json:
        _print_json([_json(line) for line in lines])
    return 0 if all_well(lines) else 1


async def take_over_keys(asked: argparse.Namespace) -> int:
    """Write KIS's keys into the file of the settings, and print the next step."""
    target = env_file()
    done = import_keys(asked.file.expanduser(), target, asked.environment, replace=asked.replace)
    if asked.json:
        _print_json({"file": str(target), "written": done.written, "unchanged": done.unchanged})
        return 0
    for name in done.written:
        _print(f"{name} written")
    for name in done.unchanged:
        _print(f"{name} stood there already")
    _print(f"{target} is its owner's alone (mode 600). Next: python starter.py doctor")
    if asked.environment is Environment.LIVE:
        _print("Real money also needs the lines that docs/operations.md names under “Live”; write them by hand.")
    return 0


async def make_token_key(asked: argparse.Namespace) -> int:
    """Print new keys: for the stored token, and for payloads in Temporal."""
    keys = {"HARU_BROKER__TOKEN_KEY": Fernet.generate_key().decode(), "HARU_PAYLOADS__KEYS": new_key()}
    _answer(asked, keys, "\n".join(f"{name}={key}" for name, key in keys.items()))
    return 0


async def forget_keys(asked: argparse.Namespace) -> int:
    """Delete the payload key ids from the books, because the keys are lost or stolen."""
    async with database_alone(load_settings()) as found:
        database = await open_database(found.url, 1)
        try:
            await database.payload_keys.forget()
        finally:
            await database.aclose()
    text = "Forgotten. Workflows under them are refused; `python worker.py` takes over what they held."
    _answer(asked, {"forgotten": True}, text)
    return 0


async def show_payloads(asked: argparse.Namespace) -> int:
    """Decrypt payloads for the Web UI of this machine until interrupted. The printed address contains a token.

    Raises:
        OperationError: the port is taken.
    """
    settings, token = load_settings(), new_token()
    ui = f":{settings.ports.temporal_ui}" if asked.ui is None else f":{asked.ui}"
    try:
        with socket.create_server((LOOPBACK, asked.port)) as listening:
            port = listening.getsockname()[1]
            hosts = {f"{name}:{port}" for name in _NAMES}
            app = codec_app(ring_of(settings), token, hosts, {f"http://{name}{ui}" for name in _NAMES})
            address = f"http://{LOOPBACK}:{port}/{token}"
            where = "In the Web UI, under the glasses icon, give this address and keep it to yourself:"
            _answer(asked, {"address": address}, f"{where}\n{address}\nCtrl-C stops it.")
            config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, lifespan="off")
            await uvicorn.Server(config).serve([listening])
    except (OSError, OverflowError) as error:
        raise OperationError(
            f"port {asked.port} of {LOOPBACK} cannot be used ({error}); choose another --port"
        ) from None
    return 0


async def upgrade(asked: argparse.Namespace) -> int:
    """Upgrade the embedded database to our version of PostgreSQL, and print where the old data is kept.

    Raises:
        OperationError: the database is not embedded.
    """
    settings = load_settings()
    if settings.database_url is not None:
        raise OperationError("DATABASE_URL is set: upgrade that server with its own tools; Haru needs 15 or newer")
    done = await upgrade_database(settings.data_dir, asked.binaries)
    if done is None:
        text = f"The database in {settings.data_dir} is of this version already; nothing was changed."
        _answer(asked, {"upgraded": False}, text)
        return 0
    text = (
        f"PostgreSQL {done.before} to {done.after}: {done.rows:,} rows in {done.tables} tables moved and counted.\n"
        f"The old data is kept in {done.kept}; remove it once `python starter.py report` shows your days."
    )
    _answer(asked, {"upgraded": True, **asdict(done), "kept": str(done.kept)}, text)
    return 0


async def migrate(asked: argparse.Namespace) -> int:
    """Migrate a configured database to this version, and grant the application's rights.

    Raises:
        OperationError: the database is embedded, where `worker.py` does this.
        ConnectionError: no server answers.
    """
    settings = load_settings()
    if settings.database_url is None:
        raise OperationError("the database is embedded: `python worker.py` migrates it when it starts")
    url = settings.database_url.get_secret_value()
    owner = settings.database_migration_url
    applied = await asyncio.to_thread(apply, owner.get_secret_value() if owner else url, url)
    text = f"{applied} migrations applied; the application's role has its rights."
    _answer(asked, {"applied": applied}, text)
    return 0


async def try_channels(asked: argparse.Namespace) -> int:
    """Send a test to each channel, one line each; return 1 when one fails.

    Raises:
        OperationError: no channel is configured, or the address of one cannot be read.
    """
    settings = load_settings()
    channels = channels_of([url.get_secret_value() for url in settings.alerts.urls])
    if not channels:
        raise OperationError(
            "no channel for alerts is configured; set HARU_ALERTS__URLS to addresses as apprise has them"
        )
    message = trial_message(settings.broker.environment, EventLevel(asked.level), settings.alerts.language)
    mask = Masking(settings.secrets())
    tried = [(channel, mask(await channel.send(message))) for channel in channels]
    if asked.json:
        _print_json([_tried_json(channel, trouble) for channel, trouble in tried])
    else:
        for channel, trouble in tried:
            _print(f"failed  {channel.name}: {trouble}; {_CHANNEL_MEND}" if trouble else f"ok      {channel.name}")
    return 1 if any(trouble for _, trouble in tried) else 0


def _tried_json(channel: Channel, trouble: str) -> dict[str, str | bool]:
    mend = _CHANNEL_MEND if trouble else ""
    return {"channel": channel.name, "ok": not trouble, "reason": trouble, "mend": mend}


def add_setup_verbs(verbs: Any) -> None:
    """Add the verbs to the command line."""
    _add(verbs, "doctor", examine_all, "look at everything that trading needs; no order is sent")
    keys = _add(verbs, "import-keys", take_over_keys, "take the keys of KIS's own sample settings over into .env")
    keys.add_argument("file", nargs="?", type=Path, default=DEFAULT_FILE, help=f"default {DEFAULT_FILE}")
    keys.add_argument(
        "--environment", type=Environment, choices=_TRADED, default=Environment.PAPER, help="default paper"
    )
    keys.add_argument("--replace", action="store_true", help="overwrite what .env says otherwise")
    trial = _add(verbs, "alert-test", try_channels, "send a test to each channel of alerts")
    trial.add_argument("--level", choices=[level.value for level in LEVELS], default="warning", help="default warning")
    moved = _add(verbs, "upgrade-database", upgrade, "move the embedded database to this version of PostgreSQL")
    moved.add_argument("--binaries", type=Path, help="folder of the old version's programs, where Haru has none")
    _add(verbs, "migrate", migrate, "bring a configured database up to this version, with its owner's role")
    _add(verbs, "new-key", make_token_key, "print keys for a shared database and Temporal server: put them into .env")
    shown = _add(verbs, "codec-server", show_payloads, "let the Web UI of this machine show what is encrypted")
    shown.add_argument("--port", type=int, default=0, help="loopback port, default any free one")
    shown.add_argument("--ui", type=int, metavar="PORT", help="the Web UI's port, default HARU_PORTS__TEMPORAL_UI")
    _add(verbs, "forget-keys", forget_keys, "give up lost or stolen HARU_PAYLOADS__KEYS; set others before")


def _add(verbs: Any, name: str, act: Any, what: str) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=what, description=what)
    verb.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON")
    verb.set_defaults(without_fleet=act, reads_only=name in _READING)
    return verb


def _json(line: Line) -> dict[str, str]:
    return {"check": line.name, "verdict": line.verdict.value, "text": line.text, "mend": line.mend}


def _answer(asked: argparse.Namespace, value: object, text: str) -> None:
    """Print JSON if it was requested, otherwise text for people."""
    if asked.json:
        _print_json(value)
    else:
        _print(text)


def _print_json(value: object) -> None:
    _print(escaped(json.dumps(value, ensure_ascii=False, indent=2)))


def _print(text: str) -> None:
    sys.stdout.write(f"{harmless(text)}\n")
    sys.stdout.flush()
