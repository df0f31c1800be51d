"""The official domestic-stock functions of KIS, as ``official.json`` lists them.

Path, TR ids and parameters are those of the public samples (koreainvestment/open-trading-api at 885dd4e2, 2026-07-09).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Function:
    """One official function. A stream has no path; ``lacks`` names the fact for want of which it is refused."""

    function: str
    title: str
    group: str
    real: Sequence[str]
    demo: Sequence[str]
    path: str = ""
    params: str = ""
    lacks: str = ""

    @property
    def refusal(self) -> str:
        """Return why its calls are refused, as a sentence for a person."""
        return f"{self.function} ({' '.join(self.real)}, {self.title}) is not served: the simulator has no {self.lacks}"


OFFICIAL: Final = [
    Function(**row) for row in json.loads(Path(__file__).with_name("official.json").read_text(encoding="utf-8"))
]
"""Every official domestic-stock function, by name."""
FUNCTIONS: Final = {one.function: one for one in OFFICIAL}
_BY_CALL: Final = {(one.path, tr_id): one for one in OFFICIAL for tr_id in (*one.real, *one.demo)}


def function_of(path: str, tr_id: str) -> Function | None:
    """Return the official function of a path and TR id; of a stream with a blank path."""
    return _BY_CALL.get((path, tr_id))
