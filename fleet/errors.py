"""Errors of operator commands. Each text names the remedy.

OperationError
├── NothingRunsError     there is no fleet to talk to
├── UnknownWorkerError   no worker of that name
├── ClockSkewError       this machine's clock is too far off to trade
└── ChatError            Telegram does not answer, or refuses the bot
"""

from collections.abc import Collection

from domain.identity import WorkerId


class OperationError(Exception):
    """An operator's command was refused or failed."""


class NothingRunsError(OperationError):
    """There is no fleet to talk to."""


class UnknownWorkerError(OperationError):
    """No worker of that name was ever started."""

    def __init__(self, name: str, known: Collection[WorkerId]) -> None:
        listed = ", ".join(known) or "none; start some with `python starter.py --workers 5`"
        super().__init__(f"there is no worker {name!r}; known workers: {listed}")


class ClockSkewError(OperationError):
    """This machine's clock is too far off to trade."""


class ChatError(OperationError):
    """Telegram does not answer, or refuses the bot. The text has no secret."""
