"""Swapping a part of the product for a mistaken one, for as long as a test lasts."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any


@contextmanager
def swapped(owner: Any, name: str, mistaken: Any) -> Iterator[None]:
    """Put something mistaken in the place of an attribute."""
    right = vars(owner)[name]
    setattr(owner, name, mistaken)
    try:
        yield
    finally:
        setattr(owner, name, right)


@contextmanager
def all_swapped(*swaps: tuple[Any, str, Any]) -> Iterator[None]:
    """Swap several parts at once: a mistake in depth."""
    with ExitStack() as stack:
        for swap in swaps:
            stack.enter_context(swapped(*swap))
        yield
