"""Parquet files through DuckDB: the only module that knows it. Files are replaced atomically and private."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from history.errors import HistoryError, MissingDuckDBError
from security.private_files import new_private, private_folder

if TYPE_CHECKING:
    import duckdb

_SETTINGS: Final[dict[str, str | bool | int | float | list[str]]] = {
    "threads": "1",
    "temp_directory": "",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
"""One thread: a backtest runs one process a core. No extension is ever downloaded, nothing is written beside a file."""


class Parquet:
    """An in-memory DuckDB that reads and writes Parquet files. It opens at the first use.

    Raises:
        MissingDuckDBError: DuckDB is not installed.
        HistoryError: a file cannot be read.
    """

    def __init__(self) -> None:
        self._opened: duckdb.DuckDBPyConnection | None = None

    def rows(self, query: str, files: Sequence[Path], *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query; ``{files}`` in its text is the list of files. No file, no row."""
        if not files:
            return []
        listed = ", ".join(map(_quoted, files))
        text = query.format(files=f"read_parquet([{listed}])")
        return self._run(text, list(values), files[0] if len(files) == 1 else files[0].parent).fetchall()

    def columns(self, file: Path) -> list[tuple[str, str]]:
        """Return name and type of a file's columns."""
        described = self._run(f"DESCRIBE SELECT * FROM read_parquet({_quoted(file)})", [], file)  # noqa: S608
        return [(str(row[0]), str(row[1])) for row in described.fetchall()]

    def stream(self, file: Path, columns: Sequence[str], size: int) -> Iterable[list[tuple[Any, ...]]]:
        """Yield the rows of a file's columns in batches."""
        names = ", ".join('"' + name.replace('"', '""') + '"' for name in columns)
        # A cursor of its own: the store may be queried between two batches.
        cursor = self._connection().cursor()
        try:
            cursor.execute(f"SELECT {names} FROM read_parquet({_quoted(file)})")  # noqa: S608 - quoted names
            while batch := cursor.fetchmany(size):
                yield batch
        except self._fault() as error:
            raise _unreadable(file, error) from error
        finally:
            cursor.close()

    def write(
        self, file: Path, columns: Mapping[str, str], rows: Iterable[Sequence[object]], *, kept: str, order: str
    ) -> None:
        """Replace a file by the rows, and by the rows of the present file for which ``kept`` holds.

        ``columns`` are names and types; ``kept`` is a condition in which ``new`` is the table of new rows.
        """
        names = list(columns)
        private_folder(file.parent)
        fields = ", ".join(
            f"NULLIF(row[{place}], '')::{columns[name]} AS {name}" for place, name in enumerate(names, 1)
        )
        # One text for all rows: list parameters take twice the time, and rows one by one take minutes.
        text = "\n".join("\t".join("" if value is None else str(value) for value in row) for row in rows)
        split = "SELECT string_split(unnest(string_split(?, chr(10))), chr(9)) AS row"
        table = f"CREATE OR REPLACE TEMP TABLE new AS SELECT {fields} FROM ({split}) WHERE row[1] <> ''"  # noqa: S608
        self._run(table, [text], file)
        listed = ", ".join(names)
        query = f"SELECT {listed} FROM new"  # noqa: S608
        if file.exists():
            query += f" UNION ALL SELECT {listed} FROM read_parquet({_quoted(file)}) AS old WHERE {kept}"  # noqa: S608
        self._replace(file, f"{query} ORDER BY {order}")

    def _replace(self, file: Path, query: str) -> None:
        draft = file.with_name(f"{file.name}.{os.getpid()}.new")
        try:
            new_private(draft).close()
            self._run(f"COPY ({query}) TO {_quoted(draft)} (FORMAT parquet, COMPRESSION zstd)", [], file)
            with draft.open("rb") as written:
                os.fsync(written.fileno())
            draft.replace(file)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise

    def _run(self, text: str, values: Sequence[object], about: Path) -> "duckdb.DuckDBPyConnection":
        try:
            return self._connection().execute(text, values)
        except self._fault() as error:
            raise _unreadable(about, error) from error

    def _connection(self) -> "duckdb.DuckDBPyConnection":
        if self._opened is None:
            try:
                import duckdb  # noqa: PLC0415 - optional, and only recorded bars need it
            except ImportError:
                raise MissingDuckDBError from None
            self._opened = duckdb.connect(":memory:", config=_SETTINGS)
        return self._opened

    @staticmethod
    def _fault() -> type[Exception]:
        import duckdb  # noqa: PLC0415 - optional

        return duckdb.Error


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _unreadable(path: Path, error: Exception) -> HistoryError:
    problem = str(error).splitlines()[0]
    return HistoryError(f"{path} cannot be read as Parquet ({problem}); replace it or remove it")
