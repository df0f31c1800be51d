"""Answers of verbs that need no fleet: a text, or JSON if it was requested."""

import argparse
import json
import sys

from domain.plain_text import escaped, harmless
from reporting.spoken import say


def answer(asked: argparse.Namespace, value: object, text: str) -> None:
    """Print JSON if it was requested, otherwise text for people."""
    if asked.json:
        print_json(value)
    else:
        print_text(text)


def print_json(value: object) -> None:
    """Print a value as JSON."""
    _write(escaped(json.dumps(value, ensure_ascii=False, indent=2)))


def print_text(text: str) -> None:
    """Print a text for people, in the language of the command line."""
    _write(say(text))


def _write(text: str) -> None:
    sys.stdout.write(f"{harmless(text)}\n")
    sys.stdout.flush()
