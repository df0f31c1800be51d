"""Tables that fit the terminal: figures are never clipped, names are shortened, and what matters least is left out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from cli.tables.terminal import cell
from reporting.spoken import say

_LEAST: Final = 10
"""Columns of the terminal that a shortened column keeps. A Korean character takes two."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column. ``least_of_all`` is left out first, and a ``short`` one is shortened before that."""

    title: str
    figure: bool = False
    short: bool = False
    least_of_all: bool = False


@dataclass(frozen=True, slots=True)
class FittedTable:
    """Rows under columns, in the width of the terminal."""

    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Text]]
    title: str = ""
    last_is_total: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Render the table."""
        chosen = self._chosen(options.max_width)
        widths = self._widths(chosen, options.max_width)
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
        for index in chosen:
            column = self.columns[index]
            table.add_column(
                cell(say(column.title)),
                justify="right" if column.figure else "left",
                no_wrap=True,
                overflow="ellipsis",
                width=widths[index],
            )
        for row in self.rows:
            if self.last_is_total and row is self.rows[-1]:
                table.add_section()
            table.add_row(*(row[index] for index in chosen))
        if self.title:
            yield cell(say(self.title), style="italic")
        yield table

    def _natural(self, index: int) -> int:
        title = cell_len(say(self.columns[index].title))
        return max([title, *(row[index].cell_len for row in self.rows)])

    def _least(self, index: int) -> int:
        natural = self._natural(index)
        return min(natural, _LEAST) if self.columns[index].short else natural

    def _chosen(self, width: int) -> list[int]:
        every = list(range(len(self.columns)))
        fewer = [index for index in every if not self.columns[index].least_of_all]
        return every if sum(self._least(index) + 1 for index in every) - 1 <= width else fewer

    def _widths(self, chosen: Sequence[int], width: int) -> dict[int, int]:
        """Give each column what it needs; the shortened ones share what the others leave."""
        widths = {index: self._least(index) for index in chosen}
        room = width - sum(each + 1 for each in widths.values()) + 1
        for index in chosen:
            more = min(self._natural(index) - widths[index], max(room, 0))
            widths[index], room = widths[index] + more, room - more
        return widths
