"""Terminal output. Names from the market, the broker or a foreign program are printed as plain text only."""

from collections.abc import Iterable
from typing import Any, Final

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from domain.plain_text import harmless, one_line
from reporting.spoken import say

_LONGEST: Final = 2_000


class Terminal(Console):
    """A console without markup. Texts cannot colour, move the cursor or change the writing direction."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def say(self, text: str, indent: int | None = None) -> None:
        """Print a text in the language of the command line: on a terminal wrapped between words, else as one line."""
        line = one_line(say(text), _LONGEST)
        self.print(wrapped(line, self.width, indent) if self.is_terminal else line, soft_wrap=True)

    def say_all(self, texts: Iterable[str]) -> None:
        """Print each text on its own line."""
        for text in texts:
            self.say(text)

    def render_str(self, text: str, **options: Any) -> Text:
        """Create the text of a cell or a line."""
        return super().render_str(harmless(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render to segments. Control characters are removed; they have no width, so table layout does not change."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=harmless(segment.text, ""))


def wrapped(line: str, width: int, indent: int | None = None) -> str:
    """Wrap a line between words. Later lines are indented by so many columns, by default two more than the first."""
    if cell_len(line) <= width:
        return line
    begin = len(line) - len(line.lstrip())
    indent = begin + 2 if indent is None else indent
    first, *rest = Text(line).wrap(Console(width=width), width)
    if not rest:
        return line
    tail = Text(line[len(first.plain) :].strip()).wrap(Console(), max(width - indent, 20))
    return "\n".join([first.plain.rstrip(), *(" " * indent + each.plain.rstrip() for each in tail)])


def cell(text: str, style: str = "") -> Text:
    """Return the text of a cell, on one line."""
    return Text(one_line(text, _LONGEST), style=style)
