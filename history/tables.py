"""Foreign files as tables: CSV in any usual dialect and encoding, and Parquet. Each row comes with its place."""

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from history.errors import HistoryError
from history.parquet import Parquet

CSV_ENDINGS: Final = (".csv", ".tsv", ".txt", ".csv.gz")
PARQUET_ENDINGS: Final = (".parquet", ".pq")
_SAMPLE: Final = 5_000
_HEAD_LINES: Final = 200

_ENCODINGS: Final = ("utf-8-sig", "cp949", "utf-16")
_DELIMITERS: Final = ",;\t|"
_HEAD: Final = 1 << 18
_BATCH: Final = 20_000
_LEAST_COLUMNS: Final = 4


class RawRow(NamedTuple):
    """One row as the file has it. ``line`` counts lines of a CSV file, and rows of a Parquet file."""

    line: int
    values: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Table:
    """A file's column names, its dialect for display, and how to read its rows again and again."""

    file: Path
    dialect: str
    columns: tuple[str, ...]
    unit: str
    _encoding: str = ""
    _delimiter: str = ""

    def rows(self) -> Iterator[RawRow | HistoryError]:
        """Yield each row after the header. A row that cannot be split is yielded as an error."""
        if not self._encoding:
            yield from self._parquet_rows()
            return
        try:
            yield from self._csv_rows()
        except (OSError, EOFError, UnicodeError, zlib.error) as error:
            raise HistoryError(f"{self.file} breaks off: {error}") from error

    def _csv_rows(self) -> Iterator[RawRow | HistoryError]:
        with _opened(self.file, self._encoding) as text:
            lines = csv.reader((line.replace("\0", "") for line in text), delimiter=self._delimiter)
            next(lines, None)
            while True:
                try:
                    values = next(lines)
                except StopIteration:
                    return
                except csv.Error as error:
                    yield HistoryError(f"line {lines.line_num}: {error}")
                    continue
                if len(values) == len(self.columns):
                    yield RawRow(lines.line_num, values)
                elif any(values):
                    wanted = len(self.columns)
                    yield HistoryError(f"line {lines.line_num}: {len(values)} values where the header has {wanted}")

    def sample(self) -> list[Sequence[Any]]:
        """Return the values of the first rows."""
        return [row.values for row in islice(self.rows(), _SAMPLE) if isinstance(row, RawRow)]

    def _parquet_rows(self) -> Iterator[RawRow]:
        line = 0
        for batch in Parquet().stream(self.file, self.columns, _BATCH):
            for values in batch:
                line += 1
                yield RawRow(line, values)


def files_below(path: Path) -> list[Path]:
    """Return the files that may hold bars: a file itself, or all below a folder.

    Raises:
        HistoryError: there are none.
    """
    if not path.exists():
        raise HistoryError(f"{path} does not exist; correct the path")
    endings = (*CSV_ENDINGS, *PARQUET_ENDINGS)
    below = sorted(path.rglob("*")) if path.is_dir() else [path]
    found = [file for file in below if file.name.lower().endswith(endings) and file.is_file() and file.name[0] != "."]
    if not found:
        raise HistoryError(f"{path} holds no bars; name a file that ends in {', '.join(endings)}, or a folder of them")
    return found


def open_table(file: Path) -> Table:
    """Find out how a file is written.

    Raises:
        HistoryError: it cannot be read, or it has no header line.
    """
    if file.name.lower().endswith(PARQUET_ENDINGS):
        described = Parquet().columns(file)
        return Table(file, "Parquet", tuple(name for name, _ in described), "row")
    encoding = _encoding_of(file)
    try:
        with _opened(file, encoding) as text:
            head = [line.replace("\0", "") for line in islice(text, _HEAD_LINES)]
    except (OSError, EOFError, UnicodeError, zlib.error) as error:
        raise HistoryError(f"{file} cannot be read: {error}") from error
    delimiter = max(_DELIMITERS, key=lambda each: _columns_with(head, each))
    names = next(csv.reader(head, delimiter=delimiter), [])
    _check_header(file, names)
    shown = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "bar"}[delimiter]
    written = encoding.removesuffix("-sig")
    return Table(file, f"CSV, {written}, {shown}", tuple(map(str.strip, names)), "line", encoding, delimiter)


def _check_header(file: Path, names: Sequence[str]) -> None:
    if len(names) < _LEAST_COLUMNS:
        raise HistoryError(f"{file} is no table: its first line has {len(names)} columns")
    if sum(name.strip().replace(".", "", 1).isdigit() for name in names) >= _LEAST_COLUMNS:
        raise HistoryError(
            f"{file} has no header line: add one, such as symbol,date,time,open,high,low,close,volume in its order"
        )
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise HistoryError(f"{file} names columns twice ({', '.join(twice)}); rename them")


def _columns_with(head: Sequence[str], delimiter: str) -> tuple[int, int]:
    """Return how many lines have as many columns as the first, if it has several, and how many these are."""
    try:
        counts = [len(row) for row in csv.reader(head, delimiter=delimiter)]
    except csv.Error:
        return 0, 0
    if not counts or counts[0] < _LEAST_COLUMNS:
        return 0, 0
    return sum(count == counts[0] for count in counts), counts[0]


def _encoding_of(file: Path) -> str:
    try:
        opener = gzip.open if file.suffix == ".gz" else open
        with opener(file, "rb") as opened:
            head = opened.read1(_HEAD) if file.suffix == ".gz" else opened.read(_HEAD)
    except (OSError, EOFError, zlib.error) as error:
        raise HistoryError(f"{file} cannot be read: {error}") from error
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    whole_lines = head[: head.rfind(b"\n") + 1] or head
    for encoding in _ENCODINGS[:2]:
        try:
            whole_lines.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    raise HistoryError(f"{file} is neither UTF-8 nor CP949 nor UTF-16 text; save it as UTF-8")


def _opened(file: Path, encoding: str) -> Any:
    if file.suffix == ".gz":
        return gzip.open(file, "rt", encoding=encoding, errors="replace", newline="")
    return file.open(encoding=encoding, errors="replace", newline="")
