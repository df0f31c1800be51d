"""A trace as a picture: one line per span below its parent, idle times cut out."""

from xml.etree import ElementTree as ET

from tools.tracing.picture import Axis, picture_of, rows_of
from tools.tracing.receiver import Received

MS = 1_000_000


def span(name: str, span_id: str, parent: str, began: int, ended: int, *, error: str | None = None) -> Received:
    return Received("trace", span_id, parent, name, began * MS, ended * MS, {}, error)


TRADE = [
    span("RunActivity:finish_sale", "e", "d", 60_020, 60_100),
    span("trade", "a", "", 0, 30),
    span("RunActivity:enter_position", "c", "b", 32, 900),
    span("StartActivity:enter_position", "b", "a", 30, 30),
    span("SQL insert orders", "f", "c", 40, 42),
    span("SQL commit", "g", "c", 43, 44),
    span("KIS order-cash", "h", "c", 50, 140, error="ReadTimeout"),
    span("StartActivity:finish_sale", "d", "a", 60_000, 60_000),
]


def test_each_span_stands_below_its_parent_and_statements_share_a_line() -> None:
    assert [(row.depth, row.label) for row in rows_of(TRADE)] == [
        (0, "trade"),
        (1, "StartActivity:enter_position"),
        (2, "RunActivity:enter_position"),
        (3, "SQL ×2"),
        (3, "KIS order-cash"),
        (1, "StartActivity:finish_sale"),
        (2, "RunActivity:finish_sale"),
    ]


def test_a_span_whose_parent_has_not_arrived_is_shown_all_the_same() -> None:
    assert [row.label for row in rows_of([span("KIS order-cash", "h", "lost", 1, 2)])] == ["KIS order-cash"]


def test_an_idle_time_is_cut_out_and_its_length_named() -> None:
    axis = Axis(TRADE)

    assert axis.cuts == [(900 * MS, 60_000 * MS)]
    assert axis.at(0) == 0
    assert axis.at(60_000 * MS) - axis.at(900 * MS) < axis.at(900 * MS) / 10
    assert axis.at(900 * MS) < axis.at(60_000 * MS) < axis.at(60_100 * MS)
    assert ">59.1 s<" in picture_of(TRADE)


def test_the_picture_is_xml_with_a_bar_per_span_and_failures_in_red() -> None:
    drawn = picture_of([*TRADE, span("a <step> & more", "z", "a", 31, 35)])

    root = ET.fromstring(drawn)
    bars = [each for each in root.iter("{http://www.w3.org/2000/svg}rect") if each.find("{*}title") is not None]
    assert len(bars) == len(TRADE) + 1
    assert [each.find("{*}title").text for each in bars if each.get("fill") == "#c00"] == ["KIS order-cash 90.0 ms"]  # type: ignore[union-attr]
    assert "a <step> & more" in {
        each.text.strip() for each in root.iter("{http://www.w3.org/2000/svg}text") if each.text
    }
