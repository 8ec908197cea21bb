"""The connector SDK of Slipway for Python. It needs nothing but the standard library.

    from slipway_connector import Connector, run

    def main(connector: Connector) -> None:
        for product in read_shop(connector.settings.required("api-url")):
            connector.output.write(product)
        connector.log.success(f"{connector.output.count} products.")

    run(main)
"""

from ._connector import Change, Connector, RunInfo
from ._errors import (
    ApiError,
    Cancelled,
    RowsRefusedError,
    SettingError,
    StateConflictError,
    StorageError,
    UnreachableError,
)
from ._files import Bucket, Exchange, Storage, StorageProcess, StorageStatus
from ._messages import EventLog, Log, Notifications
from ._rows import RowReader, RowWriter
from ._run import run
from ._settings import Settings
from ._state import State, StateEntry

__all__ = [
    "ApiError",
    "Bucket",
    "Cancelled",
    "Change",
    "Connector",
    "EventLog",
    "Exchange",
    "Log",
    "Notifications",
    "RowReader",
    "RowWriter",
    "RowsRefusedError",
    "RunInfo",
    "SettingError",
    "Settings",
    "State",
    "StateConflictError",
    "StateEntry",
    "Storage",
    "StorageError",
    "StorageProcess",
    "StorageStatus",
    "UnreachableError",
    "run",
]
