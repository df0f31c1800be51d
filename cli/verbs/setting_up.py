"""Verbs that need no running fleet: doctor, key import, database upgrade and other setup."""

import argparse
import asyncio
from dataclasses import asdict
from typing import Final

from cli.desk import stdout_console
from cli.doctor.checkup import TEXT_BEGINS, Line, all_well, examine
from cli.doctor.doctor import EXPECTED, Doctor
from cli.plain_answers import answer, print_json, print_text
from cli.verbs.key_import import import_keys
from database.database import open_database
from database.migrations import apply
from domain.event import EventLevel
from domain.identity import Environment
from domain.masking import Masking
from fleet.alerting.channels import Channel, channels_of
from fleet.alerting.text import trial_message
from fleet.errors import OperationError
from runtime.embedded.books import database_alone
from runtime.embedded.upgrade import upgrade_database
from runtime.env_file import env_file
from runtime.settings import load_settings

_CHANNEL_FIX: Final = "check the address in HARU_ALERTS__URLS, the rights of its token, and the network"


async def examine_all(asked: argparse.Namespace) -> int:
    """Print one line per check; return 1 when a check has failed."""
    lines: list[Line] = []
    console = stdout_console()
    async with Doctor() as doctor:
        async for line in examine(doctor.checks(), EXPECTED):
            mask = Masking(doctor.settings.secrets() if hasattr(doctor, "settings") else ())
            lines.append(Line(line.name, line.verdict, mask(line.text), mask(line.fix)))
            if not asked.json:
                for part in str(lines[-1]).split("\n"):
                    console.say(part, indent=TEXT_BEGINS)
    if asked.json:
        print_json([_json(line) for line in lines])
    return 0 if all_well(lines) else 1


async def import_kis_keys(asked: argparse.Namespace) -> int:
    """Write KIS's keys into the file of the settings, and print the next step."""
    target = env_file()
    done = import_keys(asked.file.expanduser(), target, asked.environment, replace=asked.replace)
    if asked.json:
        print_json({"file": str(target), "written": done.written, "unchanged": done.unchanged})
        return 0
    for name in done.written:
        print_text(f"{name} written")
    for name in done.unchanged:
        print_text(f"{name} is in the file already")
    print_text(f"{target} is its owner's alone (mode 600). Next: python starter.py doctor")
    if asked.environment is Environment.LIVE:
        print_text("Real money also needs the lines that docs/operations.md names under “Live”; add them yourself.")
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
    answer(asked, {"forgotten": True}, text)
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
        answer(asked, {"upgraded": False}, text)
        return 0
    text = (
        f"PostgreSQL {done.before} to {done.after}: {done.rows:,} rows in {done.tables} tables moved and counted.\n"
        f"The old data is kept in {done.kept}; remove it once `python starter.py report` shows your days."
    )
    answer(asked, {"upgraded": True, **asdict(done), "kept": str(done.kept)}, text)
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
    answer(asked, {"applied": applied}, text)
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
        print_json([_tried_json(channel, trouble) for channel, trouble in tried])
    else:
        for channel, trouble in tried:
            print_text(f"failed  {channel.name}: {trouble}; {_CHANNEL_FIX}" if trouble else f"ok      {channel.name}")
    return 1 if any(trouble for _, trouble in tried) else 0


def _tried_json(channel: Channel, trouble: str) -> dict[str, str | bool]:
    fix = _CHANNEL_FIX if trouble else ""
    return {"channel": channel.name, "ok": not trouble, "reason": trouble, "mend": fix}


def _json(line: Line) -> dict[str, str]:
    return {"check": line.name, "verdict": line.verdict.value, "text": line.text, "mend": line.fix}
