"""A verdict over several reads of the books, and its report."""

from collections import deque
from dataclasses import replace
from datetime import timedelta

from domain.money import Won
from tests.verifier.a_day import a_clean_day, with_broker
from verifier.books import Books
from verifier.report import report_json, report_lines
from verifier.verdict import judge, judged


def with_cash(books: Books, more: int) -> Books:
    return with_broker(books, cash=Won(books.broker.cash + more))


class Reader:
    """Returns books one after the other, and repeats the last of them."""

    def __init__(self, *books: Books) -> None:
        self.books = deque(books)
        self.looks = 0

    async def read(self) -> Books:
        self.looks += 1
        return self.books.popleft() if len(self.books) > 1 else self.books[0]


async def test_clean_books_are_looked_at_once() -> None:
    reader = Reader(a_clean_day())

    verdict = await judge(reader.read, between=0.0)

    assert verdict.count == 0
    assert reader.looks == 1


async def test_what_is_gone_at_the_next_look_was_only_on_its_way() -> None:
    reader = Reader(with_cash(a_clean_day(), 5), a_clean_day())

    assert (await judge(reader.read, between=0.0)).count == 0


async def test_what_changes_from_look_to_look_is_only_on_its_way() -> None:
    reader = Reader(*(with_cash(a_clean_day(), won) for won in (5, 6, 7, 8)))

    assert (await judge(reader.read, between=0.0)).count == 0


async def test_what_stays_wrong_counts() -> None:
    verdict = await judge(Reader(with_cash(a_clean_day(), 5)).read, between=0.0)

    assert verdict.count == 1
    assert [each.what for each in verdict.found["I4"]] == ["cash differs from the broker's"]


def test_each_invariant_has_its_line_and_its_evidence() -> None:
    lines = list(report_lines(judged(with_cash(a_clean_day(), 5))))

    assert sum(line.lstrip().startswith("I") for line in lines) == 11
    assert "   I4    1 violation   the ledger matches the broker, or the symbol is quarantined"[1:] in lines
    assert any("the broker has +5 won more than our orders explain" in line for line in lines)
    assert "not over" not in lines[0]


def test_a_running_session_is_reported_as_such() -> None:
    books = a_clean_day()
    running = replace(books, read_at=books.plan.session.ends_at - timedelta(hours=1))

    assert "(not over)" in next(iter(report_lines(judged(running))))


def test_programs_get_plain_values() -> None:
    said = report_json(judged(with_cash(a_clean_day(), 5)))

    assert said["violations"] == 1
    assert (said["orders"], said["trades"], said["broker_orders"], said["over"]) == (2, 1, 2, True)
    assert said["invariants"]["I4"]["violations"][0]["what"] == "cash differs from the broker's"
    assert [name for name, found in said["invariants"].items() if found["violations"]] == ["I4"]
