"""Run a verb: import its module, open what it needs, and write its row of the audit log."""

# ruff: noqa: PLC0415 - each verb imports what it needs, so that a short one answers at once
import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from cli.parser import START
from reporting.spoken import named, say
from runtime.standard_error import guard_standard_error, say_error
from security.private_files import close_to_others

if TYPE_CHECKING:
    from runtime.auditing import Audit


def run(asked: argparse.Namespace, words: Sequence[str]) -> int:
    """Run the chosen verb; return its exit code. An expected error becomes one line."""
    guard_standard_error()
    close_to_others()
    try:
        return asyncio.run(_audited(asked, words))
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        from runtime.faults import explain
        from runtime.opening import EXPECTED_ERRORS

        if not isinstance(error, EXPECTED_ERRORS):
            raise
        text = explain(error)
        say_error(named("starter.py"), say(text), as_json=named(text) if asked.json else None)
        return 1


async def _audited(asked: argparse.Namespace, words: Sequence[str]) -> int:
    if asked.reads_only or getattr(asked, "apply", True) is False or getattr(asked, "changes", None) == []:
        return await _act(asked, None)
    from runtime.auditing import Audit

    audit = Audit("starter.py", ["start", *words] if asked.act == START else words)
    return await audit.around(lambda: _act(asked, audit))


async def _act(asked: argparse.Namespace, audit: "Audit | None") -> int:
    act = verb_of(asked.act)
    if not asked.with_fleet:
        alone: int = await act(asked)
        return alone
    from cli.desk import Desk, stdout_console
    from runtime.opening import open_fleet
    from runtime.settings import load_settings

    settings, presses = load_settings(), getattr(asked, "position", "") == "on"
    async with open_fleet(settings, without_books=presses, lazy=asked.lazy) as fleet:
        desk = Desk(fleet, settings.rules, asked, stdout_console())
        if audit is None:
            done: int = await act(desk)
            return done
        desk = replace(desk, fleet=replace(fleet, command_id=audit.command_id), conclude=audit.conclude)
        return await audit.around(lambda: act(desk), fleet)


def verb_of(name: str) -> Any:
    """Return the function of a verb, which is named ``module:function``."""
    module, _, function = name.partition(":")
    return getattr(import_module(module), function)
