"""Everything a connector reaches, in one object."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ._files import Bucket, Exchange, Storage
from ._http import HttpClient
from ._messages import EventLog, Log, Notifications
from ._rows import Positions, Row, RowReader, RowWriter
from ._settings import Settings
from ._state import State

if TYPE_CHECKING:
    from types import TracebackType


class Change(NamedTuple):
    #: ``new``, ``modified``, ``unchanged`` or ``deleted``.
    kind: str
    row: Row


class RunInfo(NamedTuple):
    """What is known about the run, from the environment; None outside of a run."""

    id: Optional[str]
    process_id: Optional[str]
    #: 0 in a local run.
    site_id: int
    connector_id: Optional[str]
    #: Version such as ``2.0.0``.
    connector_version: Optional[str]
    #: ``dev`` or ``prod``.
    environment: Optional[str]
    #: ``import``, ``intermediate`` or ``export``.
    stage: Optional[str]


class Connector:
    """A connection to the Container API of the run. As a context manager it closes itself.

    url: default ``CONTAINER_API_URL``, else ``http://cde-container-api``.
    retry_seconds: how long a call is repeated when the connection fails.
    timeout_seconds: a call that is not answered for so long counts as a failed connection.
    """

    def __init__(
        self,
        *,
        url: Optional[str] = None,
        environment: Optional[Mapping[str, str]] = None,
        arguments: Optional[Sequence[str]] = None,
        retry_seconds: float = 30,
        timeout_seconds: float = 60,
    ) -> None:
        environment = os.environ if environment is None else environment
        address = url or environment.get("CONTAINER_API_URL") or "http://cde-container-api"
        self._client = HttpClient(address, retry_seconds, timeout_seconds)
        self._positions = Positions()
        self._writers: List[RowWriter] = []
        #: What is known about the run.
        self.run = RunInfo(
            environment.get("SLIPWAY_RUN_ID"),
            environment.get("SLIPWAY_PROCESS_ID"),
            int(environment.get("SLIPWAY_SITE_ID", "0")),
            environment.get("SLIPWAY_CONNECTOR_ID"),
            environment.get("SLIPWAY_CONNECTOR_VERSION"),
            environment.get("SLIPWAY_ENVIRONMENT"),
            environment.get("SLIPWAY_STAGE"),
        )
        self.settings = Settings(environment, sys.argv[1:] if arguments is None else arguments)
        self.log = Log(self._client)
        self.notify = Notifications(self._client)
        self.events = EventLog(self._client)
        self.state = State(self._client)
        self.exchange = Exchange(environment.get("SLIPWAY_EXCHANGE_DIR") or "/data/productsup")
        self.bucket = Bucket(self._client, self.exchange)
        self.storage = Storage(self._client, self.exchange)
        #: Rows of data services and exports.
        self.input = self.read("input")
        #: Rows of data sources, transforms and data services.
        self.output = self.writer("output")
        #: Rows that exports give back about items.
        self.feedback = self.writer("feedback")

    def read(
        self, stream: str, *, classification: Optional[int] = None, show_hidden: Optional[bool] = None
    ) -> RowReader:
        """An input stream (``input``, ``new``, ``modified``, ``unchanged``, ``deleted``) with options of its own.

        Readers of one stream share its position. classification: only the rows of this one, with its columns.
        show_hidden: with the columns whose names begin with ``__``.
        """
        return RowReader(self._client, stream, self._positions, classification, show_hidden)

    def changes(self, kinds: Sequence[str] = ("new", "modified", "deleted")) -> Iterator[Change]:
        """The changes of an ``export-delta``, one stream after the other."""
        for kind in kinds:
            for row in self.read(kind):
                yield Change(kind, row)

    def writer(self, stream: str, **options: Any) -> RowWriter:
        """An output stream (``output``, ``feedback``), written with options of its own.

        batch_rows: rows of a call. batch_bytes: bytes of a call; one row may be larger.
        separator: stands between the parts of a column name, ``price-amount``.
        """
        writer = RowWriter(self._client, stream, **options)
        self._writers.append(writer)
        return writer

    def column_order(self, *, show_hidden: Optional[bool] = None) -> List[str]:
        """Columns in the order of the channel or of the input."""
        return self._client.call("GET", "/column-order", query={"show-hidden": show_hidden}).data["order"]

    def classifications(self, path: Optional[str] = None) -> List[Tuple[int, str]]:
        """Classifications of the run as id and path; with ``path`` those whose path contains it."""
        data = self._client.call("GET", "/csa-classifications", query={"classification-path": path}).data
        return [(entry["classification-id"], entry["classification-path"]) for entry in data]

    def metadata(self) -> Dict[str, Any]:
        """What the Container API tells about site, connector and run, under the names it uses."""
        return self._client.call("GET", "/metadata").data

    def flush(self) -> None:
        """Returns when all rows and events are stored; raises the first error, after all have been tried."""
        failures: List[Exception] = []
        for part in (*self._writers, self.events):
            try:
                part.flush()
            except Exception as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def close(self) -> None:
        """Flushes and lets go of the connections."""
        try:
            self.flush()
        finally:
            self._client.close()

    def __enter__(self) -> Connector:
        return self

    def __exit__(
        self,
        kind: Optional[type],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        try:
            self.close()
        except Exception:
            # What went wrong in the block says more than what became of its rest.
            if error is None:
                raise
