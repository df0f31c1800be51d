"""The two rollouts: from one build to an incompatible one and back, and to a build that is stuck."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.identity import SIMULATED_ACCOUNT
from domain.market import Symbol
from tools.bench.market import real_now
from tools.rollout.runs import SeenRun, read_runs
from tools.rollout.stage import Stage
from tools.rollout.trees import Tree
from tools.rollout.watched import Gaps
from verifier.broker_truth import Simulated
from verifier.reading import Sources, read_books
from verifier.verdict import Verdict, judge


@dataclass(slots=True)
class Played:
    """Result of one rollout."""

    name: str
    positions: int
    gaps: Gaps
    runs: list[SeenRun]
    trades: int
    verdict: Verdict
    left: int
    stuck: frozenset[str] = frozenset()
    """The builds whose tasks fail on purpose."""
    sold_while_stuck: tuple[float, ...] = ()
    """Real seconds from a price below the stop to the sale at the broker, while the workflow of the position failed."""


async def roll(stage: Stage, old: Tree, new: Tree) -> Played:
    """Roll to the next build while positions are held, and back; a host of the old build restarts twice meanwhile."""
    await _held_on(stage, old)
    await _forward(stage, old, new)
    await _back(stage, old, new)
    stage.phase("the last trades end")
    await stage.fall(stage.symbols)
    return await _judged("there and back", stage)


async def _forward(stage: Stage, old: Tree, new: Tree) -> None:
    first, second = _halves(stage.symbols)
    stage.phase("hosts of the new build start, and migrate")
    await stage.start(new, 1, 2)
    stage.phase("a host of the old build restarts beside the new schema")
    await stage.stop(old, 1)
    await stage.start(old, 1)
    stage.phase("the new build becomes current")
    await stage.verb(new, "release", "current", new.build)
    stage.phase("half of the trades end on the old build, others begin on the new one")
    await stage.fall(first)
    await stage.rise(first)
    stage.phase("kill -9 of a host of the old build, which starts again")
    await stage.kill(old, 2)
    await stage.start(old, 2)
    stage.phase("the other trades of the old build end; it drains")
    await stage.fall(second)
    await stage.verb(new, "release", "drain", old.build)
    await stage.rise(second)
    stage.phase("the hosts of the old build stop")
    await stage.stop(old, 1, 2)


async def _back(stage: Stage, old: Tree, new: Tree) -> None:
    first, second = _halves(stage.symbols)
    stage.phase("hosts of the old build start again; roll back")
    await stage.start(old, 1, 2)
    await stage.verb(old, "release", "rollback")
    stage.phase("half of the trades end on the new build, others begin on the old one")
    await stage.fall(first)
    await stage.rise(first)
    stage.phase("the other trades of the new build end; it drains")
    await stage.fall(second)
    await stage.verb(old, "release", "drain", new.build)
    stage.phase("the hosts of the new build stop")
    await stage.stop(new, 1, 2)
    await stage.verb(old, "release")
    await stage.rise(second)


async def roll_to_stuck_builds(stage: Stage, old: Tree, stuck: Tree, dead: Tree) -> Played:
    """Roll to a build whose tasks fail while it holds, and back; then to one whose first task fails, and back."""
    first, _ = _halves(stage.symbols)
    await _held_on(stage, old)
    sold = await _to_a_stuck_build_and_back(stage, old, stuck)
    await _to_a_dead_build_and_back(stage, old, dead)
    stage.phase("the last trades end")
    await stage.fall(first)
    played = await _judged("stuck builds", stage)
    played.stuck, played.sold_while_stuck = frozenset({stuck.build, dead.build}), sold
    return played


async def _to_a_stuck_build_and_back(stage: Stage, old: Tree, stuck: Tree) -> tuple[float, ...]:
    first, second = _halves(stage.symbols)
    falls, stays = _halves(first)
    stage.phase("the stuck build becomes current")
    await stage.start(stuck, 1, 2)
    await stage.verb(stuck, "release", "current", stuck.build)
    stage.phase("half of the trades begin there, and are stuck")
    await stage.fall(first)
    await stage.rise(first)
    stage.phase("stops sell what stuck runs hold")
    sold = await _sold_while_stuck(stage, falls)
    await _leave(stage, old, stuck, 1, 2)
    stage.phase("stops sell on the old build")
    await stage.fall(stays)
    await stage.fall(second)
    stage.phase("the workers buy again")
    await stage.verb(old, "resume")
    await stage.rise(first)
    return sold


async def _to_a_dead_build_and_back(stage: Stage, old: Tree, dead: Tree) -> None:
    falls, _ = _halves(_halves(stage.symbols)[0])
    stage.phase("a build that is stuck from its first task becomes current")
    await stage.start(dead, 1)
    await stage.verb(dead, "release", "current", dead.build)
    stage.phase("the next runs of some workers begin there")
    await stage.fall(falls)
    await stage.until_failing(len(falls))
    await _leave(stage, old, dead, 1)
    stage.phase("these workers buy on the old build")
    await stage.verb(old, "resume")
    await stage.rise(falls)


async def _leave(stage: Stage, old: Tree, stuck: Tree, *hosts: int) -> None:
    stage.phase("roll back")
    await stage.verb(old, "release", "rollback", "--stuck")
    stage.phase("the hosts of the stuck build stop")
    await stage.stop(stuck, *hosts)
    await stage.verb(old, "release")


async def _held_on(stage: Stage, tree: Tree) -> None:
    stage.phase("every worker buys on the old build")
    await stage.start(tree, 1, 2)
    await stage.start_workers()
    await stage.rise(stage.symbols)


async def _sold_while_stuck(stage: Stage, symbols: Sequence[Symbol]) -> tuple[float, ...]:
    began = real_now()
    await stage.fall(symbols)
    sales = [each for each in await stage.stack.market.sales() if each.at >= began and each.symbol in symbols]
    return tuple((each.at - began).total_seconds() for each in sales)


async def _judged(name: str, stage: Stage) -> Played:
    stack = stage.stack
    fleet, endpoints = stack.fleet, stack.endpoints
    held = await fleet.database.positions.live_in(fleet.account_id)
    runs = await read_runs(fleet)
    simulated = Simulated(str(endpoints.simulator_url), SIMULATED_ACCOUNT, endpoints.control_headers)
    sources = Sources(fleet.client, fleet.database, simulated, fleet.account_id, fleet.clock)
    plan = fleet.plan_of_the_day(fleet.clock.market_anchor)
    verdict = await judge(lambda: read_books(sources, plan))
    return Played(name, len(stage.symbols), stage.sampler.gaps, runs, await stage.trades(), verdict, len(held))


def _halves(symbols: Sequence[Symbol]) -> tuple[tuple[Symbol, ...], tuple[Symbol, ...]]:
    half = len(symbols) // 2
    return tuple(symbols[:half]), tuple(symbols[half:])
