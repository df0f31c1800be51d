"""Addresses of the embedded parts for other processes: `endpoints.json` in the data folder."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from runtime.embedded.errors import CorruptFolderError
from runtime.embedded.folder import read_json
from runtime.embedded.market import Market
from security.private_files import write_private

_FILE: Final = "endpoints.json"
CONTROL_TOKEN: Final = "HARU_SIMULATOR__CONTROL_TOKEN"  # noqa: S105 - its name
"""Variable that passes the token to a process that finds the simulator by its URL."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses of the embedded parts. None for each configured part, except the simulator."""

    temporal_address: str | None = None
    temporal_ui_url: str | None = None
    database_url: str | None = None
    """Includes the password."""
    simulator_url: str | None = None
    control_token: str | None = None
    """Token of the simulator's control API. A secret."""
    market: Market | None = None
    """The simulator's clock and seed."""
    pid: int | None = None
    """The process that hosts the parts."""

    @property
    def control_headers(self) -> dict[str, str]:
        """Return the headers that a request to the simulator's control API needs."""
        return {"authorization": f"Bearer {self.control_token}"} if self.control_token else {}

    def __str__(self) -> str:
        database = self.database_url.rsplit("@", 1)[1] if self.database_url else None
        shown = {"Temporal": self.temporal_address, "Web UI": self.temporal_ui_url, "PostgreSQL": database}
        return ", ".join(
            f"{name} {where}" for name, where in {**shown, "Simulator": self.simulator_url}.items() if where
        )


def write_endpoints(folder: Path, endpoints: Endpoints) -> None:
    """Publish the addresses. The file holds a password and a token and is readable by its owner only."""
    values = {**asdict(endpoints), "market": endpoints.market.to_dict() if endpoints.market else None}
    write_private(folder / _FILE, json.dumps(values, indent=2))


def read_endpoints(folder: Path) -> Endpoints | None:
    """Return where the parts of a data folder run; None when they do not."""
    values = read_json(folder / _FILE)
    if values is None:
        return None
    try:
        market = values.pop("market")
        return Endpoints(**values, market=Market.from_dict(market) if market else None)
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptFolderError(f"{folder / _FILE} cannot be used ({error}); start worker.py again") from error


def remove_endpoints(folder: Path) -> None:
    """Delete the published addresses."""
    (folder / _FILE).unlink(missing_ok=True)
