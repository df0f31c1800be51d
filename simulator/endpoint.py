"""One path of the simulated service, and how a TR is declared."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from simulator.catalogue import FUNCTIONS
from simulator.wire import Call, Reply

STOCK_MARKETS: Final = frozenset({"J", "NX", "UN", "W"})
INDEX_MARKETS: Final = frozenset({"U"})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One path. ``required`` names the keys that must be present; values may be blank."""

    method: str
    real: frozenset[str]
    paper: frozenset[str]
    required: tuple[str, ...]
    answer: Callable[[Call], Reply]
    markets: frozenset[str] = STOCK_MARKETS
    """Values of FID_COND_MRKT_DIV_CODE that it takes."""

    def takes(self, tr_id: str, *, paper: bool) -> bool:
        """Return whether the TR id belongs to this path and service."""
        return tr_id in (self.paper if paper else self.real)

    @property
    def is_account(self) -> bool:
        """Return whether the call names an account."""
        return "CANO" in self.required


def declared(
    answers: dict[str, Callable[[Call], Reply]], markets: frozenset[str] = STOCK_MARKETS
) -> dict[str, Endpoint]:
    """Return the paths of official queries by the function that answers them.

    Path, TR ids and parameters come from ``official.json``. KIS refuses a call in which a parameter is missing.
    """
    functions = [(FUNCTIONS[name], answer) for name, answer in answers.items()]
    return {
        one.path: Endpoint("GET", frozenset(one.real), frozenset(one.demo), tuple(one.params.split()), answer, markets)
        for one, answer in functions
    }
