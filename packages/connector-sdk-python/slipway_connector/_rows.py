"""Rows in and rows out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

from ._errors import ApiError, RowsRefusedError
from ._http import CONNECTION_FAILED, HttpClient, Query, Retries
from ._json import to_json

if TYPE_CHECKING:
    from types import TracebackType

_NDJSON = "application/x-ndjson"
_BATCH_ROWS = 1000
_BATCH_BYTES = 512 * 1024

#: A row that was read. Every value is text; a value that is not there is ``""``.
Row = Dict[str, str]


class Position:
    """Where a stream, or one classification of it, is read; shared by all its readers."""

    def __init__(self) -> None:
        #: Rows that were given out.
        self.rows = 0
        #: The cursor of the Container API may stand elsewhere: behind rows that were sent and not given out.
        self.uncertain = False
        self.busy = False
        #: Grows with every restart of the cursor.
        self.restarts = 0


class Positions:
    """The positions of a run. A Container API has one cursor per stream and one per classification of it."""

    def __init__(self) -> None:
        self._all: Dict[Tuple[str, Optional[int]], Position] = {}

    def of(self, stream: str, classification: Optional[int]) -> Position:
        return self._all.setdefault((stream, classification), Position())

    def restarted(self, stream: str, classification: Optional[int]) -> None:
        """Notes that a cursor is set to the first row; that of a whole stream takes its classifications along."""
        for (name, number), position in self._all.items():
            if name != stream or classification not in (None, number):
                continue
            position.restarts += 1
            if number is not None:
                position.uncertain = True


class RowReader:
    """The rows of an input stream.

    They are read as they are consumed, so any number of rows takes the same memory. A loop that is left early is gone on with
    by the next one; when the Container API is restarted meanwhile, no row is skipped or given twice.
    """

    def __init__(
        self,
        client: HttpClient,
        stream: str,
        positions: Positions,
        classification: Optional[int],
        show_hidden: Optional[bool],
    ) -> None:
        self._client = client
        self._stream = stream
        self._positions = positions
        self._position = positions.of(stream, classification)
        self._classification = classification
        self._show_hidden = show_hidden

    def __iter__(self) -> Iterator[Row]:
        position = self._position
        for lines in self._lines():
            for line in lines:
                row = json.loads(line)
                position.rows += 1
                yield row

    def batches(self, size: int = 500) -> Iterator[List[Row]]:
        """The rows in lists of ``size``, the last one may be shorter."""
        if size < 1:
            raise ValueError("The size of a batch should be 1 or more.")
        batch: List[Row] = []
        for lines in self._lines():
            for line in lines:
                batch.append(json.loads(line))
                if len(batch) == size:
                    self._position.rows += size
                    yield batch
                    batch = []
        if batch:
            self._position.rows += len(batch)
            yield batch

    def count(self) -> int:
        """All rows of the stream, wherever the reader is."""
        return self._client.call("GET", f"/items/{self._stream}/count", query=self._query()).data["count"]

    def restart(self) -> None:
        """Begins again at the first row."""
        self._set_back()
        self._position.rows = 0

    def _lines(self) -> Iterator[List[bytes]]:
        """The lines from the position to the end, as they arrive.

        When the connection fails, the stream is read anew and the lines that were given out are passed over: the order of the
        rows is the same.
        """
        position = self._position
        if position.busy:
            raise RuntimeError(
                f'The stream "{self._stream}" is being read already: '
                "one loop has to end before the next one begins."
            )
        position.busy = True
        path = f"/input/{self._stream}/stream"
        query = {**self._query(), "show-hidden": self._show_hidden}
        given = position.rows
        retries = Retries(self._client, "GET", path)
        try:
            while True:
                try:
                    passed = given
                    if position.uncertain:
                        self._set_back()
                        passed = 0
                    restarts = position.restarts
                    position.uncertain = True
                    for lines in _line_blocks(self._client.blocks(path, query)):
                        if position.restarts != restarts:
                            break
                        new = lines[given - passed :] if passed < given else lines
                        passed += len(lines)
                        if new:
                            given += len(new)
                            retries = Retries(self._client, "GET", path)
                            yield new
                    if position.restarts == restarts:
                        position.uncertain = False
                        return
                except CONNECTION_FAILED as error:
                    retries.wait(error)
        finally:
            position.busy = False

    def _set_back(self) -> None:
        # Noted before: rows that arrive from now on may come from the beginning.
        self._positions.restarted(self._stream, self._classification)
        self._client.call("GET", f"/input/{self._stream}/restart", query=self._query())
        self._position.uncertain = False

    def _query(self) -> Query:
        return {"classification-id": self._classification}


def _line_blocks(blocks: Iterator[bytes]) -> Iterator[List[bytes]]:
    rest = b""
    for block in blocks:
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        if lines:
            yield lines


class Batches:
    """Collects items and sends them in batches, in order. A batch that was refused makes all later calls fail."""

    def __init__(self, send: Callable[[List[str], int], None], max_items: int, max_bytes: int) -> None:
        if max_items < 1 or max_bytes < 1:
            raise ValueError("The rows and the bytes of a batch should be 1 or more.")
        self._send = send
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._items: List[str] = []
        self._bytes = 0
        self._first = 0
        self._failure: Optional[BaseException] = None

    @property
    def count(self) -> int:
        return self._first + len(self._items)

    def add(self, item: str) -> None:
        # The JSON is ASCII: a character is a byte.
        if self._items and self._bytes + len(item) + 1 > self._max_bytes:
            self.flush()
        if self._failure is not None:
            raise self._failure
        self._items.append(item)
        self._bytes += len(item) + 1
        if len(self._items) >= self._max_items:
            self.flush()

    def flush(self) -> None:
        if self._failure is not None:
            raise self._failure
        if not self._items:
            return
        items, first = self._items, self._first
        self._first += len(items)
        self._items, self._bytes = [], 0
        try:
            self._send(items, first)
        except Exception as error:
            self._failure = error
            raise


class RowWriter:
    """Writes rows.

    They are sent in batches, each stored exactly once even when the Container API is restarted meanwhile. A batch that is
    refused makes this and all later calls fail: nothing gets lost in silence. As a context manager it flushes at the end.
    """

    def __init__(
        self,
        client: HttpClient,
        stream: str,
        batch_rows: int = _BATCH_ROWS,
        batch_bytes: int = _BATCH_BYTES,
        separator: Optional[str] = None,
    ) -> None:
        self._client = client
        self._path = f"/output/{stream}"
        self._query: Query = {"separator": separator}
        self._batches = Batches(self._send, batch_rows, batch_bytes)
        self._streamed = 0

    @property
    def count(self) -> int:
        """Rows handed over so far."""
        return self._batches.count + self._streamed

    def write(self, row: Any) -> None:
        """Writes a mapping or a dataclass. Nested values become columns.

        Raises RowsRefusedError with the numbers of the rows.
        """
        self._batches.add(to_json(row))

    def write_all(self, rows: Iterable[Any]) -> None:
        for row in rows:
            self.write(row)

    def flush(self) -> None:
        """Returns when all rows are stored."""
        self._batches.flush()

    def stream(self, rows: Iterable[Any]) -> None:
        """Writes all rows of a source in one call: all of them or none.

        Not repeated when the connection fails, since the rows are gone by then. Rows buffered before are stored first.
        """
        self.flush()
        first = self.count + 1
        source = iter(rows)
        # An empty call is refused, so the first row is waited for.
        for row in source:
            lines = self._lines(row, source)
            break
        else:
            return
        try:
            self._client.upload(self._path, self._query, _NDJSON, lines)
        except ApiError as error:
            raise _refusal(error, first) from None

    def close(self) -> None:
        """Stores what is buffered and closes the stream: it takes no more rows in this run."""
        self.flush()
        self._client.call("POST", f"{self._path}/close")

    def __enter__(self) -> RowWriter:
        return self

    def __exit__(
        self,
        kind: Optional[type],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        if error is None:
            self.flush()

    def _lines(self, first: Any, others: Iterator[Any]) -> Iterator[bytes]:
        self._streamed += 1
        yield to_json(first).encode() + b"\n"
        for row in others:
            self._streamed += 1
            yield to_json(row).encode() + b"\n"

    def _send(self, items: List[str], first: int) -> None:
        body = ("\n".join(items) + "\n").encode()
        try:
            self._client.call(
                "POST", self._path, body, content_type=_NDJSON, query=self._query, once=True
            )
        except ApiError as error:
            raise _refusal(error, self._streamed + first + 1) from None


def _refusal(error: ApiError, first: int) -> ApiError:
    names_rows = any(field.startswith("data[") for field in error.errors)
    return RowsRefusedError(error, first) if names_rows else error
