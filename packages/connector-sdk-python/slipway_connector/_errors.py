"""What can go wrong, each with what failed and where."""

from __future__ import annotations

import re
from typing import Dict, Mapping, Optional


class ApiError(Exception):
    """The Container API refused a call."""

    def __init__(
        self,
        method: str,
        path: str,
        status: int,
        reason: str,
        errors: Mapping[str, str],
        repeated: bool = False,
    ) -> None:
        fields = "; ".join(f"{field}: {text}" for field, text in errors.items())
        super().__init__(f"{method} {path} answered {status}: {reason}" + (f" ({fields})" if fields else ""))
        self.method = method
        self.path = path
        self.status = status
        #: What the answer says, such as ``Validation failed``.
        self.reason = reason
        #: Field → text.
        self.errors = dict(errors)
        #: The answer to an earlier attempt was lost: it may have had its effect.
        self.repeated = repeated


class RowsRefusedError(ApiError):
    """Rows were refused; none of their batch is stored."""

    def __init__(self, refusal: ApiError, first: int) -> None:
        rows: Dict[int, str] = {}
        named: Dict[str, str] = {}
        for field, text in refusal.errors.items():
            match = re.fullmatch(r"data\[(\d+)\]", field)
            if match:
                rows[first + int(match[1])] = text
                field = f"row {first + int(match[1])}"
            named[field] = text
        super().__init__(
            refusal.method, refusal.path, refusal.status, refusal.reason, named, refusal.repeated
        )
        #: Number of the row among those written to this writer, from 1 → what is wrong; at most 20.
        self.rows = rows


class StateConflictError(ApiError):
    """A checkpoint has changed since it was read."""

    def __init__(self, refusal: ApiError, key: str) -> None:
        reason = f'The state "{key}" has changed since it was read.'
        super().__init__(refusal.method, refusal.path, refusal.status, reason, {}, refusal.repeated)
        self.key = key


class UnreachableError(Exception):
    """The Container API could not be reached, for as long as calls are repeated."""

    def __init__(
        self, method: str, path: str, url: str, cause: BaseException, attempts: int, hint: str = ""
    ) -> None:
        tries = f", tried {attempts} times" if attempts > 1 else ""
        reason = str(cause) or type(cause).__name__
        super().__init__(
            f"{method} {path} was not answered by the Container API at {url} ({reason}{tries}).{hint}"
        )
        self.method = method
        self.path = path
        self.attempts = attempts


class SettingError(Exception):
    """A setting is missing or can not be understood. Its text never holds the value."""

    def __init__(self, setting: str, message: str) -> None:
        super().__init__(message)
        self.setting = setting


class StorageError(Exception):
    """A copy of files failed."""

    def __init__(self, process: str, source: str, exit_code: Optional[int]) -> None:
        super().__init__(f'Storing "{source}" failed with exit code {exit_code} (process {process}).')
        self.id = process
        self.exit_code = exit_code


class Cancelled(SystemExit):
    """The run is being cancelled. As it is no ``Exception``, an ``except Exception`` lets it pass."""

    def __init__(self) -> None:
        # 128 + SIGTERM, as a shell tells it.
        super().__init__(143)

    def __str__(self) -> str:
        return "The run is being cancelled."
