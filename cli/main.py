"""The operator's command line: ``python starter.py --workers 5`` starts a fleet; verbs watch and command it."""

import argparse
import sys
from collections.abc import Sequence

from cli.parser import START, parser
from runtime.language import use_configured_language


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0 on success, 1 when refused or failed. Wrong usage exits with 2."""
    use_configured_language()
    words = sys.argv[1:] if arguments is None else list(arguments)
    grammar = parser()
    asked = grammar.parse_args(words)
    if not words:
        grammar.print_help()
        return 2
    if asked.act == START and asked.workers is None:
        grammar.error("add --workers N to start workers, or name a verb")
    return _run(asked, words)


def _run(asked: argparse.Namespace, words: Sequence[str]) -> int:
    from cli.running import run  # noqa: PLC0415 - help and usage errors do without what a verb needs

    return run(asked, words)
