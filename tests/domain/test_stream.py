"""The limited registrations of a session go to held stocks first, then to candidates."""

from hypothesis import given
from hypothesis import strategies as st

from domain.market import Symbol
from domain.stream import Interest, registrations

STOCKS = tuple(Symbol(f"{number:06d}") for number in range(100))
symbols = st.lists(st.sampled_from(STOCKS), max_size=60).map(tuple)


def test_what_is_held_comes_first_however_many_candidates_there_are() -> None:
    interest = Interest(held=STOCKS[50:55], candidates=STOCKS[:50])

    chosen = registrations(interest, registered=STOCKS[:40], most=40)

    assert chosen == (*STOCKS[50:55], *STOCKS[:35])


def test_a_registered_candidate_is_not_put_out_by_one_of_better_rank() -> None:
    interest = Interest(candidates=(STOCKS[3], STOCKS[1], STOCKS[2]))

    assert registrations(interest, registered=(STOCKS[2],), most=2) == (STOCKS[2], STOCKS[3])


def test_an_unwanted_stock_is_let_go() -> None:
    assert registrations(Interest(held=(STOCKS[0],)), registered=STOCKS[:9], most=40) == (STOCKS[0],)


@given(symbols, symbols, symbols, st.integers(-1, 45))
def test_never_too_many_never_twice_and_never_a_candidate_before_what_is_held(
    held: tuple[Symbol, ...], candidates: tuple[Symbol, ...], registered: tuple[Symbol, ...], most: int
) -> None:
    chosen = registrations(Interest(held, candidates), registered, most)

    assert len(chosen) == min(max(most, 0), len({*held, *candidates}))
    assert len(set(chosen)) == len(chosen)
    left_out = set(held) - set(chosen)
    assert not left_out or set(chosen) <= set(held)
