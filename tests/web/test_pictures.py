"""Pictures of the page, on request: `HARU_PICTURES=FOLDER` writes each scene in two widths, languages and schemes."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import pytest

from fleet.fleet import Fleet
from tests.support.chromium import needs_a_browser
from tests.support.devtools import a_tab
from tests.web import scenes
from tests.web.serving import nothing, served

FOLDER: Final = os.environ.get("HARU_PICTURES", "")
AXE: Final = os.environ.get("HARU_AXE", "")
"""Path of axe-core's axe.min.js, which is not part of this repository."""
SCENES: Final[dict[str, Callable[[Fleet], Awaitable[Any]]]] = {
    "live": scenes.live_day,
    "liquidation": scenes.liquidation,
    "incident": scenes.incident,
}
VIEWS: Final = ("history", "lab", "lab/pair?a=breakout-1&b=breakout-2")
_BROKEN: Final = "axe.run().then((found) => found.violations.map((each) => `${each.id}: ${each.nodes[0].html}`))"
pytestmark = [
    needs_a_browser,
    pytest.mark.slow,
    pytest.mark.skipif(not (FOLDER or AXE), reason="set HARU_PICTURES=FOLDER or HARU_AXE=axe.min.js"),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("scene", SCENES)
async def test_each_scene_looks_right(fleet: Fleet, tmp_path: Path, scene: str, language: str, scheme: str) -> None:
    moment = scenes.NOW if scene != "liquidation" else scenes.NOW.replace(hour=6, minute=35)
    fleet = scenes.at(fleet, moment)
    await SCENES[scene](fleet)
    if scene == "live":
        await scenes.a_year(fleet, tmp_path / "data")
        scenes.some_backtests(tmp_path / "data")
    async with served(fleet, nothing, tmp_path / "data") as page, a_tab(tmp_path / "profile") as tab:
        await tab.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        await tab.opens(page.link)
        await tab.sees("document.querySelectorAll('#workers tbody tr').length > 0")
        for width in (1440, 390):
            for path in ("", *(VIEWS if scene == "live" else ())):
                await tab.opens(f"{page.address}/{path}{'&' if '?' in path else '?'}lang={language}", width)
                await tab.sees("Boolean(document.getElementById('environment')?.textContent)")
                if scene != "liquidation" and not path:
                    await tab.sees("Boolean(document.querySelector('button[data-position]'))")
                    await tab.runs("document.querySelector('button[data-position]').click()")
                    await tab.sees("Boolean(document.querySelector('#exits tbody tr'))")
                await tab.sees("!document.body.classList.contains('stale')")
                if AXE:
                    await tab.runs(Path(AXE).read_text(encoding="utf-8"))
                    assert await tab.runs(_BROKEN) == [], (path, width)
                if FOLDER:
                    await tab.runs("document.fonts.ready.then(() => new Promise(requestAnimationFrame)).then(() => 1)")
                    name = (
                        f"{scene}-{path.partition('?')[0].replace('/', '-') or 'page'}-{width}-{language}-{scheme}.png"
                    )
                    await tab.pictures(Path(FOLDER) / name)
        assert tab.complaints == []
