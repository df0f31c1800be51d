"""Command line: exit code 0 if nothing differs, 1 if something differs, 2 if the server may not be asked."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from runtime.settings import SettingsError, load_settings
from runtime.standard_error import guard_standard_error, say_error
from security.private_files import close_to_others, private_folder, write_private
from tools.conformance.asked import OrdersLeftError, ask_all
from tools.conformance.checks import FACTS
from tools.conformance.fact import PAPER, Finding, Verdict
from tools.conformance.kis import Access
from tools.conformance.paper import RefusedError, paper_access
from tools.conformance.report import summary, table, to_json
from tools.conformance.simulated import SimulatorFailedError, set_the_scene, simulator

_FOLDER = Path(".haru/conformance")
_YES = "yes"


async def _ask_simulator() -> list[tuple[Access, list[Finding]]]:
    async with simulator() as services:
        for access in services.values():
            await set_the_scene(access)
        found = await asyncio.gather(*(ask_all(access, FACTS) for access in services.values()))
        return list(zip(services.values(), found, strict=True))


async def _ask_paper(*, may_order: bool) -> tuple[Access, list[Finding]]:
    access = paper_access(load_settings(), may_order=may_order)
    return access, await ask_all(access, FACTS)


def _show(console: Console, access: Access, findings: list[Finding]) -> bool:
    console.print(table(access, findings))
    file = _FOLDER / f"{'simulator' if access.is_simulated else 'kis'}-{access.service}.json"
    private_folder(file.parent)
    write_private(file, json.dumps(to_json(access, findings), ensure_ascii=False, indent=2) + "\n")
    console.print(f"{summary(findings)}; written to {file}", soft_wrap=True)
    return all(finding.verdict is not Verdict.DIFFERS for finding in findings)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.conformance", description="Ask a KIS server whether what we believe about it is true."
    )
    parser.add_argument("--kis", choices=("simulator", "paper"), default="simulator", help="whom to ask")
    parser.add_argument(
        "--orders", choices=("no", _YES), default="no", help="yes: place and cancel orders on paper too"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks, print the table, write it as JSON, and return the exit code."""
    asked = _parser().parse_args(arguments)
    close_to_others()
    console = Console()
    try:
        if asked.kis == PAPER:
            return 0 if _show(console, *asyncio.run(_ask_paper(may_order=asked.orders == _YES))) else 1
        passed = [_show(console, *asked_of) for asked_of in asyncio.run(_ask_simulator())]
    except (RefusedError, SettingsError) as error:
        say_error("conformance", error)
        return 2
    except SimulatorFailedError as error:
        say_error("conformance", error)
        return 1
    except OrdersLeftError as error:
        _show(console, error.access, error.findings)
        say_error("conformance", error)
        return 1
    return 0 if all(passed) else 1


if __name__ == "__main__":
    guard_standard_error()
    sys.exit(main())
