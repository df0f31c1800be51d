"""The adversary's schedule: same seed, same schedule; within its time; never all hosting processes at once."""

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from statistics import mean

import pytest

from simulator.hardships import Hardship
from tools.chaos.kinds import KINDS, FaultKind
from tools.chaos.processes import child_of, family_of, send
from tools.chaos.rounds import Asked
from tools.chaos.schedule import Act, schedule

ROOT = Path(__file__).resolve().parents[3]
LENGTH = 60.0
SEEDS = range(1, 201)
ON_HOSTS = {
    FaultKind.KILL_HOST,
    FaultKind.FREEZE_HOST,
    FaultKind.FREEZE_HOST_PAST_LEASE,
    FaultKind.RESTART_HOST,
    FaultKind.OTHER_ALERT_SETTINGS,
    FaultKind.LINK_LOST,
    FaultKind.LATE_DELIVERY,
}


def hits_on(acts: tuple[Act, ...], host: int) -> list[Act]:
    return [act for act in acts if act.kind in ON_HOSTS and act.host == host]


def test_a_seed_always_gives_the_same_plan() -> None:
    assert [schedule(seed, LENGTH, 2) for seed in SEEDS] == [schedule(seed, LENGTH, 2) for seed in SEEDS]


def test_another_process_draws_the_same_plan() -> None:
    command = "from tools.chaos.schedule import schedule; print(schedule(7, 60.0, 2))"
    environment = {**os.environ, "PYTHONHASHSEED": "1"}

    printed = subprocess.run(
        [sys.executable, "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout

    assert printed.strip() == str(schedule(7, LENGTH, 2))


def test_another_seed_gives_another_plan() -> None:
    assert len({schedule(seed, LENGTH, 2) for seed in SEEDS}) == len(SEEDS)


@pytest.mark.parametrize("seed", SEEDS)
def test_everything_begins_and_ends_in_its_time(seed: int) -> None:
    acts = schedule(seed, LENGTH, 2)

    assert all(act.at > 0 and act.at + act.seconds < LENGTH for act in acts)
    assert all(earlier.at <= later.at for earlier, later in pairwise(acts))


@pytest.mark.parametrize("seed", SEEDS)
def test_one_hosting_process_is_always_on_its_feet(seed: int) -> None:
    acts = schedule(seed, LENGTH, 2)

    for first in hits_on(acts, 0):
        for second in hits_on(acts, 1):
            assert first.at + first.seconds < second.at or second.at + second.seconds < first.at


def test_every_kind_of_fault_is_drawn_from_some_seed() -> None:
    drawn = {act.kind for seed in SEEDS for act in schedule(seed, LENGTH, 2)}

    assert drawn == set(KINDS)


def test_a_round_sees_the_stream_spoilt_several_times_among_its_deeds() -> None:
    rounds = [schedule(seed, LENGTH, 2) for seed in SEEDS]
    of_the_stream = [sum(act.kind.startswith(("stream_", "notice_")) for act in acts) for acts in rounds]

    assert 5 <= mean(of_the_stream) <= 8
    assert 35 <= mean(sum(not isinstance(act.kind, Hardship) for act in acts) for acts in rounds) <= 50


def test_hardships_change_nothing_else_of_a_seed_and_stand_until_all_is_calm(monkeypatch: pytest.MonkeyPatch) -> None:
    with_them = [schedule(seed, LENGTH, 2) for seed in SEEDS]
    monkeypatch.setattr("tools.chaos.schedule.LIKELY", {})

    without = [schedule(seed, LENGTH, 2) for seed in SEEDS]

    hard = [[act for act in acts if isinstance(act.kind, Hardship)] for acts in with_them]
    assert [tuple(act for act in acts if not isinstance(act.kind, Hardship)) for acts in with_them] == without
    assert all(act.at <= LENGTH / 3 and act.seconds == 0 for acts in hard for act in acts)
    assert 3 <= mean(map(len, hard)) <= 7


def test_a_single_process_may_fall_too() -> None:
    assert any(hits_on(schedule(seed, LENGTH, 1), 0) for seed in SEEDS)


def test_the_length_of_a_round_sets_the_markets_speed() -> None:
    asked = Asked(seed=1, minutes=1.3, processes=2, workers=6)

    assert asked.speed == 300
    assert asked.troubled == pytest.approx(42)


def test_the_list_is_shown_without_playing_anything(tmp_path: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "tools.chaos", "--list", "--seed", "3", "--rounds", "2"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.count("deeds") == 2
    assert list(tmp_path.iterdir()) == []


def test_a_process_is_found_below_its_guard() -> None:
    family = family_of(os.getppid())

    assert os.getpid() in family
    assert child_of(os.getpid()) not in family


def test_a_process_that_is_gone_gets_no_signal() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()

    assert not send(gone.pid, 0)
    assert not send(None, 0)
