"""One trace as a picture: its spans below one another in time, SVG. Times in which nothing happens are cut out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Final

from tools.tracing.receiver import Received

_LABELS: Final = 360
_BARS: Final = 800
_ROW: Final = 18
_HEAD: Final = 64
_CUT: Final = 34.0
"""Width of a cut (pixels)."""
_LEAST: Final = 2.0
_IDLE: Final = 40_000_000
"""Nanoseconds without a span, from which on the time is cut out."""
_COLOURS: Final = {"SQL": "#7a8a99", "KIS": "#c8553d", "trade": "#1f6f4a", "Temporal": "#3b6fb6", "step": "#8a5fb0"}


@dataclass(frozen=True, slots=True)
class Row:
    """Spans of one line of the picture."""

    depth: int
    label: str
    kind: str
    spans: tuple[Received, ...]


def kind_of(name: str) -> str:
    """Return the group of a span, which gives it its colour."""
    if name.startswith(("SQL ", "KIS ")):
        return name[:3]
    return "trade" if name == "trade" else "Temporal" if ":" in name else "step"


def rows_of(spans: Sequence[Received]) -> list[Row]:
    """Return the lines of a trace, each below its parent; the statements of a step share one."""
    below: dict[str, list[Received]] = {}
    known = {span.span_id for span in spans}
    for span in sorted(spans, key=lambda each: (each.began, each.ended)):
        below.setdefault(span.parent_id if span.parent_id in known else "", []).append(span)
    rows: list[Row] = []

    def add(parent: str, depth: int) -> None:
        statements = [each for each in below.get(parent, []) if kind_of(each.name) == "SQL"]
        if statements:
            rows.append(Row(depth, f"SQL ×{len(statements)}", "SQL", tuple(statements)))
        for span in below.get(parent, []):
            if span not in statements:
                rows.append(Row(depth, span.name, kind_of(span.name), (span,)))
                add(span.span_id, depth + 1)

    add("", 0)
    return rows


class Axis:
    """Places instants on the picture. An idle time has a fixed width."""

    def __init__(self, spans: Iterable[Received]) -> None:
        busy = _merged(sorted((span.began, span.ended) for span in spans))
        self.cuts = [(ended, began) for (_, ended), (began, _) in pairwise(busy)]
        width = max(_BARS - _CUT * len(self.cuts), _BARS / 4)
        self._scale = width / max(sum(ended - began for began, ended in busy), 1)
        self._cut = min(_CUT, (_BARS - width) / max(len(self.cuts), 1))
        self._began = busy[0][0]

    def at(self, instant: int) -> float:
        """Return the distance from the first instant (pixels)."""
        pixels, since = 0.0, self._began
        for ended, began in self.cuts:
            if instant <= ended:
                break
            pixels += (ended - since) * self._scale + self._cut
            since = began
        return pixels + max(instant - since, 0) * self._scale


def picture_of(spans: Sequence[Received]) -> str:
    """Return the SVG of one trace."""
    rows, axis = rows_of(spans), Axis(spans)
    height = _HEAD + _ROW * len(rows) + 12
    first, last = min(span.began for span in spans), max(span.ended for span in spans)
    about = f"One trade, {len(spans)} spans, {_seconds(last - first)} from its candidate to its settlement"
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LABELS + _BARS + 20}" height="{height}" '
            'font-family="system-ui, sans-serif" font-size="12">'
        ),
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="12" y="22" font-size="15" font-weight="600">{escape(about)}</text>',
        f'<text x="12" y="42" fill="#666">trace {spans[0].trace_id}</text>',
        *_cuts(axis, height),
    ]
    for number, row in enumerate(rows):
        parts += _row(row, _HEAD + _ROW * number, axis)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _merged(intervals: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    busy: list[tuple[int, int]] = []
    for began, ended in intervals:
        if busy and began - busy[-1][1] < _IDLE:
            busy[-1] = (busy[-1][0], max(busy[-1][1], ended))
        else:
            busy.append((began, ended))
    return busy


def _cuts(axis: Axis, height: int) -> list[str]:
    drawn = []
    for ended, began in axis.cuts:
        left = _LABELS + axis.at(ended)
        right = _LABELS + axis.at(began)
        middle = (left + right) / 2
        drawn += [
            f'<rect x="{left:.1f}" y="{_HEAD - 8}" width="{right - left:.1f}" height="{height}" fill="#f3f3ef"/>',
            (
                f'<text x="{middle:.1f}" y="{_HEAD - 12}" font-size="10" fill="#666" text-anchor="middle">'
                f"{_seconds(began - ended)}</text>"
            ),
        ]
    return drawn


def _row(row: Row, top: int, axis: Axis) -> list[str]:
    longest = max(span.ended - span.began for span in row.spans)
    took = sum(span.ended - span.began for span in row.spans) if row.kind == "SQL" else longest
    label = (
        f'<text x="{12 + 14 * row.depth}" y="{top + 13}">{escape(row.label)} '
        f'<tspan fill="#888">{_seconds(took)}</tspan></text>'
    )
    drawn = [label]
    for span in row.spans:
        left, right = axis.at(span.began), axis.at(span.ended)
        colour = "#c00" if span.error is not None else _COLOURS[row.kind]
        drawn.append(
            f'<rect x="{_LABELS + left:.1f}" y="{top + 3}" width="{max(right - left, _LEAST):.1f}" height="{_ROW - 6}" '
            f'rx="2" fill="{colour}"><title>{escape(span.name)} {_seconds(span.ended - span.began)}</title></rect>'
        )
    return drawn


def _seconds(nanoseconds: int) -> str:
    milliseconds = nanoseconds / 1e6
    return f"{milliseconds / 1000:.1f} s" if milliseconds >= 1000 else f"{milliseconds:.1f} ms"
