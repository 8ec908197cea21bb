"""Checkpoints: small values that the next run finds again."""

from __future__ import annotations

import datetime
import json
import urllib.parse
from typing import Any, Dict, NamedTuple, Optional

from ._errors import ApiError, StateConflictError
from ._http import HttpClient
from ._json import to_json


class StateEntry(NamedTuple):
    value: Any
    version: int
    updated_at: datetime.datetime


class State:
    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def get(self, key: str, default: Any = None) -> Any:
        entry = self.entry(key)
        return default if entry is None else entry.value

    def entry(self, key: str) -> Optional[StateEntry]:
        """The value with its version; None when there is none."""
        try:
            data = self._client.call("GET", _path(key)).data
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        updated_at = datetime.datetime.fromisoformat(data["updated-at"])
        return StateEntry(data["value"], data["version"], updated_at)

    def set(
        self,
        key: str,
        value: Any,
        *,
        if_version: Optional[int] = None,
        if_new: bool = False,
        commit: Optional[str] = None,
    ) -> int:
        """Saves any JSON value and gives its version. A key is 1 to 128 letters, digits, ``.``, ``_``, ``-``.

        commit: ``success`` (default): kept when the run succeeds; ``now``: kept whatever becomes of the run.
        Raises StateConflictError when ``if_version`` or ``if_new`` does not hold.
        """
        text = to_json(value)
        headers = _condition(if_version)
        if if_new:
            headers["If-None-Match"] = "*"
        body = '{"value":' + text + "}"
        try:
            answer = self._client.call(
                "PUT", _path(key), body.encode(), headers=headers, query={"commit": commit}
            )
            return answer.data["version"]
        except ApiError as error:
            if error.status != 412:
                raise
            # The first attempt may have met the condition, and only its answer was lost.
            now = self.entry(key) if error.repeated else None
            if now and now.value == json.loads(text):
                if if_version is None or now.version == if_version + 1:
                    return now.version
            raise StateConflictError(error, key) from None

    def delete(self, key: str, *, if_version: Optional[int] = None, commit: Optional[str] = None) -> bool:
        """Deletes a key; False when there was none. Raises StateConflictError when ``if_version`` does not hold."""
        try:
            self._client.call(
                "DELETE", _path(key), headers=_condition(if_version), query={"commit": commit}
            )
            return True
        except ApiError as error:
            # A repeated call may find that its first attempt has deleted the key.
            if error.status == 404:
                return error.repeated
            if error.status != 412:
                raise
            if error.repeated and self.entry(key) is None:
                return True
            raise StateConflictError(error, key) from None


def _path(key: str) -> str:
    return "/state/" + urllib.parse.quote(key, safe="")


def _condition(if_version: Optional[int]) -> Dict[str, str]:
    return {} if if_version is None else {"If-Match": f'"{if_version}"'}
