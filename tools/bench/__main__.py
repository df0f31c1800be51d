"""Command line ``python -m tools.bench [NAME…]``: prints a Markdown table and saves all values in ``.haru/bench``."""

import argparse
import asyncio
import json
import logging
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from runtime.opening import EXPECTED_ERRORS
from runtime.standard_error import guard_standard_error, leave, say_error
from security.private_files import close_to_others, private_folder, write_private
from tools.bench import (
    codec,
    hearing,
    holding,
    liquidation,
    lock,
    machine,
    observed,
    pages,
    rate,
    recovery,
    replies,
    scan,
    served,
    sweep,
    unknown,
)
from tools.bench.figures import Figure, table
from tools.bench.market import real_now
from tools.bench.stack import NothingHappenedError, Stack, running_stack
from tools.bench.trading import Trading
from tools.chaos.processes import HostFailedError

_TRADING: Final = Trading()
_HELD: Final = 100
_QUICK_HELD: Final = 4
BENCHES: Final[Mapping[str, Callable[[Stack], Awaitable[list[Figure]]]]] = {
    "lock": lock.measure,
    "codec": codec.measure,
    "scan": scan.measure,
    "stream": hearing.measure,
    "replies": replies.measure,
    "rate": rate.measure,
    "simulator": served.measure,
    "trade": _TRADING.trade,
    "reaction": _TRADING.reaction,
    "order": _TRADING.order,
    "unknown": unknown.measure,
    "recovery": recovery.measure,
    "observed": observed.measure,
}
"""In run order. The first four need no hosting process beside them."""
LIQUIDATION: Final = "liquidation"
"""Needs its own market, which ends within a few minutes."""
HOLD: Final = "hold"
"""Needs a market of its own too, with a stock for each position."""
PAGE: Final = "page"
"""The same, with browsers."""
SWEEP: Final = "sweep"
"""Needs recorded bars, and no server."""
NAMES: Final = (*BENCHES, HOLD, PAGE, LIQUIDATION, SWEEP)


class _Sizes(NamedTuple):
    sale: liquidation.Wanted
    held: int | None
    swept: sweep.Wanted


async def _run(names: Sequence[str], home: Path, sizes: _Sizes, *, quick: bool) -> dict[str, Any]:
    figures: list[Figure] = []
    facts = machine.without_servers()
    if set(names) != {SWEEP}:
        async with running_stack(home / "stack", quick=quick) as stack:
            facts = await machine.facts(stack)
            for name in [each for each in BENCHES if each in names]:
                figures += await _timed(name, BENCHES[name](stack))
    if HOLD in names:
        kept = holding.Kept(_QUICK_HELD, quick=True) if quick else holding.Kept(sizes.held or _HELD)
        figures += await _timed(HOLD, holding.measure(home / "stack", kept))
    if PAGE in names:
        kept = holding.Kept(_QUICK_HELD, quick=True) if quick else holding.Kept(sizes.held or pages.POSITIONS)
        figures += await _timed(PAGE, pages.measure(home / "stack", kept))
    if LIQUIDATION in names:
        figures += await _timed(LIQUIDATION, liquidation.measure(home / "stack", sizes.sale))
    if SWEEP in names:
        figures += await _timed(SWEEP, sweep.measure(private_folder(home / "sweep"), sizes.swept))
    return {
        "at": real_now().isoformat(timespec="seconds"),
        "quick": quick,
        "machine": {**facts, "load average at the end": machine.load()},
        "figures": [figure.to_json() for figure in figures],
        "table": table(figures),
    }


async def _timed(name: str, measuring: Awaitable[list[Figure]]) -> list[Figure]:
    began = time.monotonic()
    figures = await measuring
    sys.stderr.write(f"bench: {name} took {time.monotonic() - began:.0f} s\n")
    return figures


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description="Measure how fast it is, on real parts.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which (default all): {', '.join(NAMES)}")
    parser.add_argument("--json", action="store_true", help="print everything that was measured as JSON")
    parser.add_argument(
        "--positions",
        type=int,
        help="how many to hold, and to sell in one liquidation (default 100, sold 3 times; 200 for page)",
    )
    parser.add_argument("--rate", type=int, choices=range(1, 19), default=18, help="and so many calls a second")
    parser.add_argument(
        "--bars", type=Path, metavar="FOLDER", help="a store of recorded bars to sweep (default: drawn)"
    )
    parser.add_argument("--quick", action="store_true", help="only show that it works: figures of one or two values")
    return parser


def _sale(asked: argparse.Namespace) -> liquidation.Wanted:
    if asked.positions is not None:
        return liquidation.Wanted(asked.positions, 1, asked.rate)
    if asked.quick:
        return liquidation.Wanted(6, 1, asked.rate, lead=timedelta(seconds=25))
    return liquidation.Wanted(rate=asked.rate)


def _sizes(asked: argparse.Namespace) -> _Sizes:
    swept = sweep.QUICK if asked.quick else sweep.Wanted()
    return _Sizes(_sale(asked), asked.positions, replace(swept, bars=asked.bars))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks and return the exit code: 0 done, 1 failed, 2 wrong usage."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.names if name not in NAMES]
    if unknown:
        parser.error(f"no such bench: {', '.join(unknown)}; choose among {', '.join(NAMES)}")
    if not 1 <= (asked.positions or 1) <= liquidation.MOST_POSITIONS:
        parser.error(f"--positions {asked.positions}: choose 1 to {liquidation.MOST_POSITIONS}")
    close_to_others()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    home = Path.cwd() / ".haru" / "bench"
    private_folder(home)
    try:
        result = asyncio.run(_run(asked.names or NAMES, home, _sizes(asked), quick=asked.quick))
    except (NothingHappenedError, HostFailedError, *EXPECTED_ERRORS) as error:
        say_error("bench", error)
        return 1
    except KeyboardInterrupt:
        return 130
    kept = home / f"{result['at'].replace(':', '-').partition('+')[0]}.json"
    write_private(kept, json.dumps(result, ensure_ascii=False, indent=2) + "\n")
    sys.stdout.write(json.dumps(result, ensure_ascii=False) if asked.json else _page(result, kept))
    return 0


def _page(result: Mapping[str, Any], kept: Path) -> str:
    facts = "\n".join(f"- {name}: {value}" for name, value in result["machine"].items())
    return f"{result['at']}\n\n{facts}\n\n{result['table']}\n\nEvery value: {kept}\n"


if __name__ == "__main__":
    guard_standard_error()
    leave(main())
