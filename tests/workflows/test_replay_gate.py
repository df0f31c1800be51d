"""A change of the sequence of commands does not get past the recorded histories: each planted one is caught."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).parents[2]
CHILD: Final = Path(__file__).parent / "replaying_child.py"


class Change(NamedTuple):
    """One planted change of a workflow file: a text that stands there once, and what replaces it."""

    file: str
    old: str
    new: str


CHANGES: Final = {
    "a step more at the start": Change(
        "trade.py",
        "        if self._life.cycles == 0 and not self._is_patched():\n",
        "        if self._life.cycles == 0:\n",
    ),
    "two steps in another sequence": Change(
        "ordering.py",
        "        record = await self.submit(request, summary)\n",
        "        await self._resolve(request.intent_id, summary, None)\n"
        "        record = await self.submit(request, summary)\n",
    ),
    "another activity": Change(
        "trade.py", "            CycleActivities.begin_cycle,\n", '            "begin_round",\n'
    ),
    "a timer less": Change(
        "market_timer.py",
        "            await workflow.wait_condition(condition, timeout=left, timeout_summary=until)\n",
        "            await workflow.wait_condition(condition)\n",
    ),
    "a timer more": Change(
        "selling.py",
        "                    placed = await self._sell_once(sale, decision, tries)\n",
        '                    await self._steps.sleep(timedelta(seconds=1), "wait")\n'
        "                    placed = await self._sell_once(sale, decision, tries)\n",
    ),
    "a patch without its branch for older runs": Change(
        "holding.py",
        '        if self.is_shared and (self.joins_steps or workflow.patched("market-watch")):\n',
        "        if self.is_shared:\n",
    ),
    "a search attribute less": Change(
        "attributes.py",
        "    workflow.upsert_search_attributes([EXIT_REASON.value_set(reason.value)])\n",
        "    _ = reason\n",
    ),
    "two steps of the close in another sequence": Change(
        "market_close.py",
        "            await self._shut_entries(plan.session.date)\n"
        "            self._signalled = await self._signal_workers(plan.session.date)\n",
        "            self._signalled = await self._signal_workers(plan.session.date)\n"
        "            await self._shut_entries(plan.session.date)\n",
    ),
    "an end instead of the next run": Change("trading_worker.py", "workflow.continue_as_new(", "print("),
}


class Seen(NamedTuple):
    """A planted change, and the recordings of which at least one fails; no other recording notices it."""

    change: Change
    only: tuple[str, ...]


SEEN_BY_ONE_STATE: Final = {
    "no rest until the session ends": Seen(
        Change(
            "trade.py",
            "        await self._timer.until(self._worker.is_winding_down, over)\n",
            "        _ = over\n",
        ),
        ("0.3.0/open/resting",),
    ),
    "a refused buy keeps its stock": Seen(
        Change(
            "trade.py",
            "        await self._abandon(CloseRequest(entry.position_id, ExitReason.OPERATOR, entry.lease, cooldown))",
            "        _ = cooldown",
        ),
        ("0.3.0/refused_entry",),
    ),
    "no pause after a refused sale": Seen(
        Change(
            "selling.py",
            '        await self.rest(Resting(sale.held, tries, self._steps.now() + pause), "refused; retry")\n',
            "        _ = pause\n",
        ),
        ("0.3.0/refused_sale",),
    ),
    "a pause that interrupts no scan": Seen(
        Change(
            "scanning.py",
            "            return self._worker.life.paused or not may_enter()",
            "            return not may_enter()",
        ),
        ("0.3.0/interrupted_scan", "0.3.0/open/interrupted_scan"),
    ),
    "no wait for the opening with what was carried": Seen(
        Change(
            "holding.py",
            "            await self._timer.until(lambda: False, plan.session.opens_at)\n",
            "            _ = plan.session.opens_at\n",
        ),
        ("0.3.0/open/carried_over",),
    ),
    "no pause at the start of a second run of the close": Seen(
        Change(
            "market_close.py",
            '            await self._selling.rest(resting, "continue the pause of the previous run")\n',
            "            _ = resting.until\n",
        ),
        ("0.3.0/close_in_a_second_run",),
    ),
    "a next run after recovered shares": Seen(
        Change(
            "trading_worker.py",
            "        if not life.stopping and not is_recovery(life.worker_id):\n",
            "        if not life.stopping:\n",
        ),
        ("0.3.0/recovered_shares",),
    ),
}
"""What only the recording of one state notices. The watch and the close in the middle, and a quarantined order, take
steps that whole runs take too."""


def replayed(tree: Path, most: int = 1) -> list[str]:
    """Return the recorded histories that fail with the workflows of a tree, at most so many."""
    path = os.pathsep.join((str(tree), str(ROOT)))
    child = [sys.executable, str(CHILD), str(ROOT / "tests" / "histories"), str(most)]
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}
    found = subprocess.run(child, env=environment, capture_output=True, text=True, check=False, cwd=tree)
    assert found.returncode == 0, found.stderr
    return found.stdout.splitlines()


def tree_with(change: Change | None, folder: Path) -> Path:
    """Copy the workflows, with a change."""
    shutil.copytree(ROOT / "workflows", folder / "workflows", ignore=shutil.ignore_patterns("__pycache__"))
    if change is not None:
        file = folder / "workflows" / change.file
        text = file.read_text(encoding="utf-8")
        assert text.count(change.old) == 1, f"the planted change of {change.file} fits no more: write it again"
        file.write_text(text.replace(change.old, change.new), encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", CHANGES)
def test_a_planted_change_is_caught(name: str, tmp_path: Path) -> None:
    assert replayed(tree_with(CHANGES[name], tmp_path)), f"all recorded histories replay with: {name}"


@pytest.mark.in_turn(3, lambda _: "states")
@pytest.mark.parametrize("name", SEEN_BY_ONE_STATE)
def test_a_change_of_one_state_is_caught_by_its_recording_alone(name: str, tmp_path: Path) -> None:
    seen = SEEN_BY_ONE_STATE[name]

    failed = {each.partition(":")[0] for each in replayed(tree_with(seen.change, tmp_path), most=100)}

    assert failed
    assert failed <= set(seen.only)


def test_the_copied_workflows_replay(tmp_path: Path) -> None:
    assert replayed(tree_with(None, tmp_path)) == []
