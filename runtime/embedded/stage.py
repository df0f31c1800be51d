"""A stage for a demo, a round of chaos or a bench: an emptied folder, from where nothing leads to a real account."""

import os
from pathlib import Path
from typing import Final

from domain.rule_changes import as_settings
from domain.rules import TradingRules
from runtime.embedded.folder import hold_folder

_CONFIGURED: Final = ("HARU_", "TEMPORAL_", "DATABASE_URL")
_PARTS: Final = ("POSTGRES", "TEMPORAL", "TEMPORAL_UI", "SIMULATOR")
_ROOT: Final = Path(__file__).resolve().parents[2]


async def set_stage(folder: Path, rules: TradingRules | None = None, **market: object) -> None:
    """Empty a folder, move into it, and configure free ports, rules and a market (`HARU_SIMULATOR__…`) alone.

    ``rules`` are what hosts of the stage allow; None: the default ones.

    Raises:
        FolderHeldError: parts run in the folder; nothing in it, and nothing that is configured, was touched.
    """
    hold = await hold_folder(folder)
    try:
        hold.empty()
    finally:
        hold.release()
    # From its own folder no process finds a .env file, which might name a real account.
    os.chdir(folder)
    environment = unconfigured(folder)
    environment |= {f"HARU_PORTS__{part}": "0" for part in _PARTS}
    environment |= as_settings(rules or TradingRules())
    environment |= {f"HARU_SIMULATOR__{name.upper()}": str(value) for name, value in market.items()}
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)


def unconfigured(folder: Path) -> dict[str, str]:
    """Return our environment without all that is configured, for a process that keeps its data in a folder."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(_CONFIGURED)}
    return kept | {
        "HARU_DATA_DIR": str(folder),
        "TEMPORAL_CONFIG_FILE": str(folder / "temporal.toml"),  # none, in place of the one in the user's home
        "PYTHONPATH": str(_ROOT),
    }
