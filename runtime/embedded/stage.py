"""Isolated environment for a demo, a chaos round or a bench: an empty folder without access to a real account."""

import os
from pathlib import Path
from typing import Final

from domain.rule_changes import as_settings
from domain.rules import TradingRules
from runtime.embedded.folder import hold_folder
from runtime.strategy_loading import PATH_VARIABLE

_CONFIGURED: Final = ("HARU_", "TEMPORAL_", "DATABASE_URL")
_PARTS: Final = ("POSTGRES", "TEMPORAL", "TEMPORAL_UI", "SIMULATOR")
_ROOT: Final = Path(__file__).resolve().parents[2]


async def set_stage(
    folder: Path, rules: TradingRules | None = None, strategies: Path | None = None, **market: object
) -> None:
    """Empty a folder, change into it, and configure only free ports, rules and a market (`HARU_SIMULATOR__…`).

    ``rules`` are the rules that hosts of the stage allow. None: the default rules. ``strategies`` is the path
    of the operator's own.

    Raises:
        FolderHeldError: parts run in the folder. Neither the folder nor the configuration was changed.
    """
    hold = await hold_folder(folder)
    try:
        hold.empty()
    finally:
        hold.release()
    os.chdir(folder)
    environment = unconfigured(folder)
    environment |= {f"HARU_PORTS__{part}": "0" for part in _PARTS}
    environment |= as_settings(rules or TradingRules())
    environment |= {PATH_VARIABLE: str(strategies)} if strategies else {}
    environment |= {f"HARU_SIMULATOR__{name.upper()}": str(value) for name, value in market.items()}
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)


def unconfigured(folder: Path) -> dict[str, str]:
    """Return our environment without any configuration, for a process that keeps its data in a folder."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(_CONFIGURED)}
    return kept | {
        "HARU_DATA_DIR": str(folder),
        "HARU_ENV_FILE": os.devnull,  # the file beside worker.py may name a real account
        "TEMPORAL_CONFIG_FILE": str(folder / "temporal.toml"),  # does not exist; replaces the file in the user's home
        "PYTHONPATH": os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH")))),
    }
