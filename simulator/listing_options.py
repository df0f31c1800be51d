"""Options of the command line that choose what the exchange lists."""

import argparse
from collections.abc import Mapping
from typing import Any

from simulator.listings import LISTINGS, MOST_LISTINGS, PRODUCTS, added_listing


def add_listing_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--listings``, ``--products`` and ``--add``."""
    add = parser.add_argument
    add("--listings", type=int, help=f"number of stocks, at most {MOST_LISTINGS} (default {len(LISTINGS)})")
    add("--products", choices=("on", "off"), help=f"whether to list {len(PRODUCTS)} ETFs and ETNs (default on)")
    add(
        "--add",
        type=_added,
        action="append",
        default=[],
        metavar="CODE=PRICE[,KIND]",
        help="a security to list, such as 005935=58000 or 305720=12000,etf; repeatable",
    )


def listed_beside(options: argparse.Namespace, kept: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what is listed beside the stocks: what the books know, unless an option names it."""
    if not options.products and not options.add:
        return tuple(kept.get("added", () if kept else PRODUCTS))
    return tuple(dict.fromkeys((*(() if options.products == "off" else PRODUCTS), *options.add)))


def _added(text: str) -> str:
    try:
        added_listing(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text
