"""What a program writes to standard error: its failure and tracebacks, without secrets. Nothing is loaded before."""

# ruff: noqa: PLC0415 - reading the settings takes longer than most verbs
import json
import logging
import os
import sys
import traceback
from contextlib import suppress
from types import TracebackType
from typing import Never

from domain.masking import Masking
from domain.plain_text import escaped, harmless
from runtime.log_lines import PlainFormatter


def masking() -> Masking:
    """Return a mask for every secret in this process's settings, valid or not."""
    from runtime.private_values import secrets_of
    from runtime.settings import SettingsError, load_settings, raw_environment

    secrets = secrets_of(raw_environment())
    with suppress(SettingsError):
        secrets += load_settings().secrets()
    return Masking(secrets)


def say_error(program: str, error: object, *, as_json: str | None = None) -> None:
    """Write a program's failure to standard error, without secrets and terminal control characters.

    ``as_json`` also goes to standard output, as `{"error": …}`.
    """
    mask = masking()
    if as_json is not None:
        sys.stdout.write(escaped(json.dumps({"error": mask(as_json)}, ensure_ascii=False)) + "\n")
    sys.stderr.write(harmless(f"{program}: {mask(str(error))}") + "\n")


def guard_standard_error() -> None:
    """Mask direct output to standard error: tracebacks of bugs, and logs before logging is set up."""
    mask = _LateMasking()

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sys.stderr.write(harmless(mask("".join(traceback.format_exception(kind, error, trace)))))

    sys.excepthook = show
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(PlainFormatter(mask))


class _LateMasking(Masking):
    """A mask that reads the settings at its first text. A text that cannot be masked is not shown."""

    def __init__(self) -> None:
        super().__init__(())
        self._mask: Masking | None = None

    def __call__(self, text: str) -> str:
        try:
            self._mask = self._mask or masking()
        except Exception as fault:  # noqa: BLE001 - Python would print the text itself, with its secrets
            return f"an error that is not shown: the settings cannot be read for its secrets ({type(fault).__name__})\n"
        return self._mask(text)


def leave(code: int) -> Never:
    """End the process at once: the interpreter's own exit can crash in Temporal's native threads (sdk-python #300)."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
