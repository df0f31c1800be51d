"""Doctor checks of this machine and its settings: data folder, disk, ports, `.env`, keys, universe, strategies."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cli.doctor.checkup import Finding, doubtful, fine, wrong
from domain.capacity import Capacity, PriceSupply
from domain.errors import BadRulesError
from domain.identity import Environment
from domain.room import LEAST_TO_START, RoomLevels
from domain.rules import ExecutionRules, RiskRules
from fleet.alerting.channels import channels_of
from fleet.errors import ChatError
from runtime.chat import chat_bot
from runtime.embedded.ports import is_taken
from runtime.settings import Settings
from security.private_files import NotPrivateError, private_folder, read_private
from strategies import known, tradable

KEY_LENGTH: Final = 36
SECRET_LENGTH: Final = 180
_SCARCE: Final = RoomLevels().scarce
_TOO_LITTLE: Final = LEAST_TO_START
"""Bytes. With less, `worker.py` does not start its parts."""


def look_at_folder(folder: Path) -> Finding:
    """Check that the data folder is writable or can be created, and how much room its disk has (bytes)."""
    if folder.is_dir():
        try:
            private_folder(folder)
        except NotPrivateError as error:
            return wrong(str(error), "or choose another folder with HARU_DATA_DIR")
    there = folder if folder.exists() else next(parent for parent in folder.resolve().parents if parent.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return wrong(f"{there} cannot be written", "choose another with HARU_DATA_DIR, or correct its owner and mode")
    free = shutil.disk_usage(there).free
    text = f"{folder} {'is writable' if there is folder else 'will be made'}, {free / 1024**3:,.1f} GB free"
    if free < _TOO_LITTLE:
        return wrong(text, "make room: PostgreSQL stops when the disk is full")
    if free < _SCARCE:
        return doubtful(text, "make room, or set HARU_DATA_DIR to a larger disk")
    return fine(text)


def look_at_env_file(path: Path) -> Finding:
    """Check that other users of this machine cannot read the secrets."""
    if not path.exists():
        return fine(f"{path} does not exist; only environment variables count")
    if not path.is_file():
        return fine(f"{path} is no file; only environment variables count")
    try:
        read_private(path, links=True)
    except NotPrivateError as error:
        return wrong(str(error), f"correct owner and mode of {path}, or remove it")
    return fine(f"{path} is its owner's alone")


def problem_with_key(text: str, length: int) -> str:
    """Return the format problem of an app key (36) or app secret (180 characters); empty if there is none."""
    if any(not 32 < ord(character) < 127 for character in text):
        return "holds a blank, a line break or a foreign character"
    return "" if len(text) == length else f"has {len(text)} characters, KIS's have {length}"


def look_at_keys(app_key: str, app_secret: str) -> Finding:
    """Check that key and secret have KIS's format. Neither is shown."""
    pairs = (("APP_KEY", app_key, KEY_LENGTH), ("APP_SECRET", app_secret, SECRET_LENGTH))
    problems = [
        f"HARU_BROKER__{name} {what}" for name, text, length in pairs if (what := problem_with_key(text, length))
    ]
    if problems:
        return wrong("; ".join(problems), "copy them again from KIS's portal, or `python starter.py import-keys`")
    return fine("key and secret have KIS's form")


def look_at_ports(ports: Mapping[str, int]) -> Finding:
    """Check that the ports of parts that `worker.py` will start are free. ``ports`` names each by its variable."""
    taken = [f"{name}={port}" for name, port in ports.items() if port and is_taken(port)]
    if taken:
        return wrong(
            f"taken by other programs: {', '.join(taken)}", "stop those programs, or set the variables (0: a free port)"
        )
    return fine(f"{len(ports)} ports are free" if ports else "no part needs one")


def look_at_universe(settings: Settings) -> Finding:
    """Check that there are stocks to scan. KIS's paper service has no ranking."""
    universe, is_paper = settings.rules.universe, settings.broker.environment is Environment.PAPER
    has_ranking = universe.ranking_size > 0 and not (is_paper and settings.quotations.app_key is None)
    if not universe.symbols and not has_ranking:
        why = "the paper service has no ranking" if universe.ranking_size else "the ranking is switched off"
        fix = "list them in HARU_RULES__UNIVERSE__SYMBOLS=005930,000660"
        if is_paper:
            fix += ", or set HARU_QUOTATIONS__APP_KEY and …__APP_SECRET of a real account"
        return wrong(f"no stock is scanned: none is listed, and {why}", fix)
    ranked = f"the {universe.ranking_size} most traded" if has_ranking else "no ranking"
    return fine(f"{len(universe.symbols)} listed stocks and {ranked} are scanned")


def look_at_strategies(settings: Settings) -> Finding:
    """Check that every strategy and filter of the rules is known here, and that none was refused."""
    refused = "; ".join(map(str, known().refused))
    try:
        tradable(settings.rules)
    except BadRulesError as error:
        return wrong(str(error), "correct HARU_RULES__STRATEGY__NAMES or the refused file; `starter.py strategy list`")
    if refused:
        return doubtful(f"refused: {refused}", "correct or remove it; `python starter.py strategy list` shows all")
    return fine(", ".join(f"{name} {known().strategies[name].version}" for name in settings.rules.strategy.names))


def look_at_limits(risk: RiskRules) -> Finding:
    """Show the limits of a trade and of a day."""
    return fine(
        f"{risk.capital_per_trade:,} won a trade; nothing more is bought after a day's loss of "
        f"{risk.worker_daily_loss:,} won of a worker or {risk.fleet_daily_loss:,} won in all"
    )


def look_at_prices(supply: PriceSupply, rules: ExecutionRules) -> Finding:
    """Show how many stocks may be held before a price gets too old for the exit rules."""
    capacity = Capacity(supply, rules, supply.streamed)
    bound, calls = rules.greatest_quote_age.total_seconds(), supply.calls_per_second
    return fine(
        f"at most {capacity.most} stocks may be held, each price at most {bound:g} s old: {supply.streamed} by stream, "
        f"and {calls:.1f} calls a second for {supply.stocks_per_call} each"
    )


def look_at_alerts(settings: Settings) -> Finding:
    """Report the configured channels."""
    alerts = settings.alerts
    number = len(channels_of([url.get_secret_value() for url in alerts.urls]))
    if not number and settings.broker.environment is not Environment.SIMULATED:
        return doubtful("no channel: nothing that happens is sent to you", "set HARU_ALERTS__URLS")
    pinged = "a dead-man's switch is pinged" if alerts.heartbeat_url else "no HARU_ALERTS__HEARTBEAT_URL"
    return fine(f"{number} channels configured, {pinged}; `python starter.py alert-test` tries them")


async def look_at_chat(settings: Settings) -> Finding:
    """Report the bot, if its token is set."""
    bot = chat_bot(settings)
    if bot is None:
        return fine("no HARU_TELEGRAM__TOKEN: no chat commands the fleet")
    try:
        name = await bot.name()
    except ChatError as fault:
        return doubtful(str(fault), "correct HARU_TELEGRAM__TOKEN, or check the network")
    finally:
        await bot.aclose()
    return fine(f"{name} obeys {len(settings.telegram.chats)} chats")
