"""Read tables that name images: text with a header, in any usual delimiter and encoding, or Parquet."""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from finetune.errors import DataError, OptionError, nearest

COLUMNS = ("path", "label", "split", "group")
NEEDED = ("path", "label")
DELIMITERS = ",;\t|"

_BOMS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))
_BATCH_ROWS = 8192


class Row(NamedTuple):
    """One row: its number in the file (header: 1), and its cells as stripped text, empty where there are none."""

    number: int
    path: str
    label: str
    split: str
    group: str


def read_rows(where: str, path: Path) -> tuple[list[Row], frozenset[str]]:
    """Return the rows of the manifest ``path`` and which of COLUMNS it has; rows without any text are passed over.

    The header's names count without case and blanks around them. Text is read as `text_cells` says.

    Raises:
        DataError: unreadable, empty, no such columns, a column twice, or a row that is longer than the header.
        OptionError: Parquet without pyarrow.
    """
    cells = _cells(where, path)
    header = header_names(cells)
    if not header:
        raise DataError(f"{where} is empty; write a header with the columns {_columns()} into it")
    places = _places(where, header)
    rows = []
    for number, row in numbered_rows(where, cells, len(header)):
        at = [row[place].strip() if place is not None and place < len(row) else "" for place in places]
        rows.append(Row(number, *at))
    if not rows:
        raise DataError(f"{where} has a header but no rows; give each image a row")
    return rows, frozenset(COLUMNS) & frozenset(header)


def has_columns(path: Path) -> bool:
    """Whether ``path`` is a manifest: a table, of which the header can be read and names the needed columns."""
    try:
        return set(header_names(_cells(str(path), path))) >= set(NEEDED)
    except (DataError, OptionError):
        return False


def header_names(cells: Iterator[list[str]]) -> list[str]:
    """Take the header off ``cells`` and return its names, without case and blanks around; none of an empty table."""
    return [name.strip().casefold() for name in next(cells, [])]


def numbered_rows(where: str, cells: Iterable[list[str]], n_columns: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows below the header with their numbers in the file (header: 1), but not those without any text.

    Raises DataError for a row that has more than ``n_columns`` cells.
    """
    for number, row in enumerate(cells, start=2):
        if not any(map(str.strip, row)):
            continue
        if len(row) > n_columns and any(map(str.strip, row[n_columns:])):
            raise DataError(
                f"row {number} of {where} has {len(row)} cells for {n_columns} columns; "
                "put text that holds the delimiter in quotes"
            )
        yield number, row


def _cells(where: str, path: Path) -> Iterator[list[str]]:
    return _parquet(where, path) if path.suffix.lower() == ".parquet" else text_cells(where, path, COLUMNS)


def _columns() -> str:
    return "path,label[,split,group]"


def _places(where: str, header: Sequence[str]) -> list[int | None]:
    shown = ", ".join(header[:12]) + (", …" if len(header) > 12 else "")
    for name in COLUMNS:
        if header.count(name) > 1:
            raise DataError(f"{where} has the column '{name}' {header.count(name)} times; keep one")
        if name in NEEDED and name not in header:
            raise DataError(
                f"{where} has no column '{name}' (it has: {shown}); name its columns {_columns()}"
                f"{nearest(name, header)}"
            )
    return [header.index(name) if name in header else None for name in COLUMNS]


def text_cells(where: str, path: Path, columns: Collection[str]) -> Iterator[list[str]]:
    """Yield the rows of a table of text, the header first, with their cells as they are written.

    Text is UTF-8, or UTF-16 with a byte order mark; the delimiter is the one of DELIMITERS that makes most of
    ``columns`` appear in the header. Only line feeds and carriage returns outside quotes end a row.

    Raises:
        DataError: unreadable, or no table of text.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4)
        encoding = next((name for bom, name in _BOMS if head.startswith(bom)), "utf-8")
        with path.open(encoding=encoding, newline="") as file:
            first = file.readline()
            if "\0" in first:
                raise DataError(f"{where} is not a text table; save it as CSV in UTF-8")
            yield from csv.reader(_after(first, file), delimiter=_delimiter(first, columns))
    except UnicodeDecodeError:
        raise DataError(f"{where} is not UTF-8 text; save it as CSV in UTF-8") from None
    except csv.Error as error:
        raise DataError(f"{where} is not a table of text ({error}); save it as CSV in UTF-8") from None
    except OSError as error:
        raise DataError(f"cannot read {where}: {error.strerror}; check its permissions") from error


def _after(first: str, rest: Iterable[str]) -> Iterator[str]:
    if first:
        yield first
        yield from rest


def _delimiter(header: str, columns: Collection[str]) -> str:
    """Return the delimiter that shows most of ``columns``, a comma where none shows any."""

    def n_known(delimiter: str) -> int:
        names = next(csv.reader([header], delimiter=delimiter), [])
        return len({name.strip().casefold() for name in names} & set(columns))

    return max(DELIMITERS, key=n_known)


def open_parquet(where: str, path: Path) -> Any:
    """Return the pyarrow.parquet.ParquetFile at ``path``.

    Raises:
        DataError: it is no Parquet file or damaged.
        OptionError: pyarrow is not installed.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise OptionError(
            f'{where} is a Parquet file, which needs pyarrow; run `pip install "finetune-strategies[parquet]"`'
        )
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    try:
        return parquet.ParquetFile(path)
    except (arrow.ArrowException, OSError) as error:
        raise DataError(
            f"{where} cannot be read as Parquet ({_first_line(error)}); write it again"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__


def batches(where: str, file: Any, columns: Sequence[str], n_rows: int) -> Iterator[dict[str, list[Any]]]:
    """Yield the columns of a Parquet file as lists, at most ``n_rows`` rows at a time; raises DataError."""
    import pyarrow as arrow

    try:
        for batch in file.iter_batches(batch_size=n_rows, columns=list(columns)):
            yield batch.to_pydict()
    except (arrow.ArrowException, OSError) as error:
        raise DataError(f"{where} is damaged ({_first_line(error)}); write it again") from error


def _parquet(where: str, path: Path) -> Iterator[list[str]]:
    file = open_parquet(where, path)
    names = list(file.schema_arrow.names)
    yield names
    wanted = [name for name in names if name.strip().casefold() in COLUMNS]
    for batch in batches(where, file, wanted, _BATCH_ROWS):
        filled = [[cell_text(value) for value in batch[name]] if name in batch else None for name in names]
        for place in range(len(batch[wanted[0]])):
            yield [column[place] if column is not None else "" for column in filled]


def cell_text(value: object) -> str:
    """Return a cell as text: nothing for null and NaN, and no ``.0`` after a whole number."""
    if value is None or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)).strip()
