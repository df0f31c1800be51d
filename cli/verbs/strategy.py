"""``starter.py strategy``: write a new strategy, list what this host knows, and run one over a day. Needs no fleet."""

import argparse
import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from cli.plain_answers import answer
from cli.strategy_day import check_day
from cli.strategy_template import STRATEGY, TEST, filled
from cli.tables.strategy import day_lines, day_values
from domain.rules import StrategyRules
from exchange.calendar import krx_calendar
from fleet.errors import OperationError
from runtime.env_file import env_file
from runtime.settings import Settings, load_settings
from runtime.strategy_loading import PATH_VARIABLE
from security.private_files import new_private, private_folder
from strategies import known
from strategies.admission import Admitted
from strategies.catalogue import parameter_texts
from strategies.parameters import bounds_of

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_FOLDER: Final = "my_strategies"
_YEARS: Final = range(2000, 2100)


async def new(asked: argparse.Namespace) -> int:
    """Write a working strategy and its test. Existing files are never overwritten.

    Raises:
        OperationError: the name cannot be used, or a file of that name exists.
    """
    settings, name = load_settings(), asked.name
    if not _NAME.fullmatch(name) or len(name) > 40:
        raise OperationError(f"{name:.60}: write a name such as opening_gap: lower case, digits, single underscores")
    if name in known().strategies:
        raise OperationError(f"{name} is the name of a strategy already; choose another")
    folder = private_folder(_folder_of(settings))
    files = {folder / f"{name}.py": STRATEGY, folder / f"test_{name}.py": TEST}
    for file in files:
        if file.exists() or file.is_symlink():
            raise OperationError(f"{file} exists and is not overwritten; choose another name")
    for file, template in files.items():
        with new_private(file) as opened:
            opened.write(filled(template, name).encode())
    lines = [f"{file} written" for file in files]
    setting = "" if settings.strategies.path else f"{PATH_VARIABLE}={folder}"
    if setting:
        where = "the environment" if env_file() == Path(os.devnull) else env_file()
        lines.append(f"Add this line to {where}: {setting}")
    lines.append(f"Next: python starter.py strategy check {name}")
    answer(asked, {"files": [str(file) for file in files], "setting": setting}, "\n".join(lines))
    return 0


async def list_all(asked: argparse.Namespace) -> int:
    """List strategies, filters and what was refused; return 1 when something was refused."""
    rules, catalogue = load_settings().rules, known()
    strategies = [_values(each, rules.strategy) for each in catalogue.strategies.values()]
    lines = [line for each in catalogue.strategies.values() for line in _lines(each, rules.strategy)]
    used = rules.screening.custom_filters
    lines += [f"filter {name}{' (in use)' if name in used else ''}" for name in catalogue.filters]
    lines += [f"refused {each}" for each in catalogue.refused]
    refused = [{"name": each.name, "place": each.place, "why": each.why} for each in catalogue.refused]
    value = {"strategies": strategies, "filters": list(catalogue.filters), "refused": refused}
    answer(asked, value, "\n".join(lines))
    return 1 if refused else 0


async def check(asked: argparse.Namespace) -> int:
    """Show one strategy, run it over a day and print what it says; return 1 when a call failed.

    Raises:
        OperationError: no such strategy is known, or the day cannot be used.
    """
    settings = load_settings()
    strategy, rules = _named(asked.name), settings.rules
    calendar = krx_calendar(_YEARS.start, _YEARS.stop, settings.calendar.overrides())
    done = await check_day(strategy, rules, calendar, asked.day, asked.date)
    lines = [*_lines(strategy, rules.strategy), *day_lines(done)]
    answer(asked, _values(strategy, rules.strategy) | day_values(done), "\n".join(lines))
    return 1 if done.faults else 0


def _folder_of(settings: Settings) -> Path:
    path = settings.strategies.path
    if path is None:
        return settings.data_dir.parent / _FOLDER
    path = path.expanduser().absolute()
    return path.parent if path.is_file() else path


def _named(name: str) -> Admitted:
    found = known().strategies.get(name)
    if found is not None:
        return found
    refused = [str(each) for each in known().refused]
    if refused:
        raise OperationError(f"{name:.60} is not known. Refused: {'; '.join(refused)}")
    near = get_close_matches(name, known().strategies, n=1, cutoff=0.5)
    advice = f"did you mean {near[0]}?" if near else f"set {PATH_VARIABLE} to its folder, or see `strategy list`"
    raise OperationError(f"{name:.60} is not known; {advice}")


def _values(strategy: Admitted, rules: StrategyRules) -> dict[str, Any]:
    texts = parameter_texts(strategy, rules)
    return {
        "name": strategy.name,
        "version": strategy.version,
        "origin": strategy.origin,
        "source": strategy.source,
        "in_use": strategy.name in rules.names,
        "parameters": {
            name: {"value": text, "bounds": bounds_of(strategy.model, name)} for name, text in texts.items()
        },
    }


def _lines(strategy: Admitted, rules: StrategyRules) -> list[str]:
    use = " (in use)" if strategy.name in rules.names else ""
    head = f"{strategy.name} {strategy.version}{use}: {strategy.origin}, source {strategy.source[:12]}"
    texts = parameter_texts(strategy, rules)
    width = max(map(len, texts), default=0)
    return [head, *(f"  {name:<{width}}  {text} ({bounds_of(strategy.model, name)})" for name, text in texts.items())]
