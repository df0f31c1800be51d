"""A stand-in for Temporal's client in activity tests: it keeps the signals that activities send."""

from dataclasses import dataclass
from typing import Any, Protocol

from temporalio.service import RPCError, RPCStatusCode

from activities.watch.messages import EXIT_MESSAGE, OFFER_MESSAGE, Offer, WatchEnd


class Pauses(Protocol):
    """A clock that counts its pauses."""

    pauses: int


class Post:
    """The part of Temporal's client that activities use; it keeps what they send."""

    def __init__(self, pace: Pauses) -> None:
        self.pace = pace
        self.pauses = 0
        """Pauses before the last signal."""
        self.ends: list[WatchEnd] = []
        self.offers: list[tuple[str, Offer]] = []
        """The workflow ids of scanning workers, with what each was offered."""
        self.started: list[str] = []
        self.fails = 0
        """How many signals are not delivered."""
        self.gone: set[str] = set()
        """Ids of workflows that no longer run."""

    async def start_workflow(self, name: str, *_: object, **about: Any) -> "_Handle":
        self.started.append(about["id"])
        return _Handle(self, about["id"])

    def get_workflow_handle(self, workflow_id: str) -> "_Handle":
        return _Handle(self, workflow_id)


@dataclass
class _Handle:
    post: Post
    workflow_id: str

    async def signal(self, name: str, argument: Any, **_: object) -> None:
        if name in {EXIT_MESSAGE, OFFER_MESSAGE}:
            if self.workflow_id in self.post.gone:
                raise RPCError("not found", RPCStatusCode.NOT_FOUND, b"")
            if self.post.fails:
                self.post.fails -= 1
                raise RPCError("away", RPCStatusCode.UNAVAILABLE, b"")
            if name == OFFER_MESSAGE:
                self.post.offers.append((self.workflow_id, argument))
            else:
                self.post.ends.append(argument)
            self.post.pauses = self.post.pace.pauses
