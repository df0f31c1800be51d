"""Replace a part of the product with a faulty one for the duration of a test."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any


@contextmanager
def swapped(owner: Any, name: str, mistaken: Any) -> Iterator[None]:
    """Replace an attribute with a faulty one."""
    right = vars(owner)[name]
    setattr(owner, name, mistaken)
    try:
        yield
    finally:
        setattr(owner, name, right)


@contextmanager
def all_swapped(*swaps: tuple[Any, str, Any]) -> Iterator[None]:
    """Replace several parts at once: a mistake at more than one layer."""
    with ExitStack() as stack:
        for swap in swaps:
            stack.enter_context(swapped(*swap))
        yield
