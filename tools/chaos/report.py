"""Results of a round, for people and as a file."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from security.private_files import write_private
from tools.chaos.kinds import KINDS
from tools.chaos.rounds import Outcome
from tools.chaos.schedule import Act
from verifier.invariants import INVARIANTS
from verifier.money import owners_shares
from verifier.report import report_json


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """Return the round as JSON values."""
    done = [deed for deed in outcome.deeds if not deed.missed]
    asked, closed, holdings = outcome.asked, outcome.closed, outcome.verdict.books.broker.holdings
    return {
        "seed": asked.seed,
        "minutes": asked.minutes,
        "processes": asked.processes,
        "workers": asked.workers,
        "speed": asked.speed,
        "seconds": round(outcome.seconds, 1),
        "faults": len(done),
        "missed": len(outcome.deeds) - len(done),
        "by_kind": dict(sorted(Counter(deed.act.kind.value for deed in done).items())),
        "hits": dict(sorted(outcome.hits.items())),
        "closed": closed is not None,
        "ours_flat": _ours_flat(outcome),
        "left_at_the_broker": {symbol: shares for symbol, shares in sorted(holdings.items()) if shares},
        "held_at_the_end": _held_at_the_end(outcome),
        "seized": closed.seized if closed else None,
        "lost_channels": list(outcome.lost_channels),
        "differences": list(closed.differences) if closed else [],
        "deeds": [
            {"at": each.act.at, "kind": each.act.kind.value, "fell_upon": each.fell_upon} for each in outcome.deeds
        ],
        "unsound_because": unsound_because(outcome),
        "verdict": report_json(outcome.verdict),
    }


def save(outcome: Outcome, home: Path) -> Path:
    """Write ``<seed>.json`` and return its path."""
    path = home / f"{outcome.asked.seed}.json"
    write_private(path, json.dumps(outcome_json(outcome), ensure_ascii=False, indent=2) + "\n")
    return path


def unsound_because(outcome: Outcome) -> list[str]:
    """Return why a round is not sound; empty if orders were placed and the day closed without a fault of ours."""
    violations, lost = outcome.verdict.count, ", ".join(outcome.lost_channels)
    causes = {
        "the close did not end in time": outcome.closed is None,
        "no order of ours reached the broker, so the round shows nothing": not outcome.verdict.books.bound,
        f"{violations} violations": violations,
        f"lost alert channels: {lost}": lost,
    }
    return [cause for cause, applies in causes.items() if applies]


def faults_table(outcomes: list[Outcome]) -> Table:
    """Return how often each kind of fault was injected over all rounds."""
    table = Table(title="faults", title_justify="left", pad_edge=False)
    table.add_column("kind", no_wrap=True)
    table.add_column("done", justify="right")
    table.add_column("missed", justify="right")
    deeds = [deed for outcome in outcomes for deed in outcome.deeds]
    for kind in KINDS:
        about = [deed for deed in deeds if deed.act.kind is kind]
        missed = sum(deed.missed for deed in about)
        table.add_row(kind.value, str(len(about) - missed), str(missed))
    table.add_row("all", str(sum(not deed.missed for deed in deeds)), str(sum(deed.missed for deed in deeds)))
    return table


def rounds_table(outcomes: list[Outcome]) -> Table:
    """Return one row per round: its events and the violations of each invariant."""
    table = Table(title="rounds", title_justify="left", pad_edge=False)
    for name in (
        "seed",
        "faults",
        "orders",
        "trades",
        "seized",
        "held",
        "unwatched",
        *(each.name for each in INVARIANTS),
    ):
        table.add_column(name, justify="right")
    for outcome in outcomes:
        said = outcome_json(outcome)
        verdict = said["verdict"]
        table.add_row(
            *(str(said["seed"]), str(said["faults"]), str(verdict["orders"]), str(verdict["trades"])),
            *(str(said["seized"]), str(len(said["held_at_the_end"])), f"{verdict['longest_unwatched_seconds']} s"),
            *(_count(outcome, invariant.name) for invariant in INVARIANTS),
        )
    return table


def schedule_table(acts: tuple[Act, ...]) -> Table:
    """Return the planned acts."""
    table = Table(title=f"{len(acts)} deeds", title_justify="left", pad_edge=False)
    for name in ("at", "kind", "host", "seconds", "count", "choice"):
        table.add_column(name, justify="right")
    for act in acts:
        table.add_row(*map(str, (act.at, act.kind.value, act.host + 1, act.seconds, act.count, act.choice)))
    return table


def _ours_flat(outcome: Outcome) -> bool:
    """Return whether neither the ledger nor the broker has a share of ours. The owner's shares do not count."""
    books = outcome.verdict.books
    owners, shown = owners_shares(books), books.broker.holdings
    at_the_broker = any(shown.get(symbol, 0) != owners.get(symbol, 0) for symbol in owners.keys() | shown.keys())
    return not at_the_broker and not _held_at_the_end(outcome)


def _held_at_the_end(outcome: Outcome) -> list[str]:
    """Return our own positions that the day did not sell. The owner's manual purchases are excluded."""
    positions = outcome.verdict.books.ledger.positions
    return [f"{each.symbol} ×{each.quantity} {each.position_id}" for each in positions if each.quantity]


def _count(outcome: Outcome, name: str) -> Text:
    count = len(outcome.verdict.found[name])
    return Text(str(count), style="bold red" if count else "")
