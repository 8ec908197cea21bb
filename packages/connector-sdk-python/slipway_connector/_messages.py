"""Log entries, notifications and events."""

from __future__ import annotations

import json
from typing import Any, List, Mapping, Optional, Union

from ._http import HttpClient
from ._json import context_to_json
from ._rows import Batches


class Log:
    """Writes log entries; each is stored when the method returns. Further arguments become the context."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def write(
        self, level: str, message: str, context: Optional[Mapping[str, Any]] = None, **more: Any
    ) -> None:
        body = context_to_json({"message": str(message), "context": {**(context or {}), **more}})
        self._client.call("POST", f"/logs/{level}", body.encode(), once=True)

    def debug(self, message: str, context: Optional[Mapping[str, Any]] = None, **more: Any) -> None:
        self.write("debug", message, context, **more)

    def info(self, message: str, context: Optional[Mapping[str, Any]] = None, **more: Any) -> None:
        self.write("info", message, context, **more)

    def notice(self, message: str, context: Optional[Mapping[str, Any]] = None, **more: Any) -> None:
        self.write("notice", message, context, **more)

    def warning(self, message: str, context: Optional[Mapping[str, Any]] = None, **more: Any) -> None:
        self.write("warning", message, context, **more)

    def error(self, message: str, context: Optional[Mapping[str, Any]] = None, **more: Any) -> None:
        self.write("error", message, context, **more)

    def critical(self, message: str, context: Optional[Mapping[str, Any]] = None, **more: Any) -> None:
        self.write("critical", message, context, **more)

    def alert(self, message: str, context: Optional[Mapping[str, Any]] = None, **more: Any) -> None:
        self.write("alert", message, context, **more)

    def emergency(self, message: str, context: Optional[Mapping[str, Any]] = None, **more: Any) -> None:
        self.write("emergency", message, context, **more)

    def success(self, message: str, context: Optional[Mapping[str, Any]] = None, **more: Any) -> None:
        self.write("success", message, context, **more)

    def report(self, message: str, context: Optional[Mapping[str, Any]] = None, **more: Any) -> None:
        self.write("report", message, context, **more)


class Notifications:
    """Lines in the notification panel of the site, shown at once."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def _send(self, level: str, message: str) -> None:
        body = json.dumps({"message": str(message)})
        self._client.call("POST", f"/notifications/{level}", body.encode(), once=True)

    def success(self, message: str) -> None:
        self._send("success", message)

    def info(self, message: str) -> None:
        self._send("info", message)

    def warning(self, message: str) -> None:
        self._send("warning", message)

    def error(self, message: str) -> None:
        self._send("error", message)


class EventLog:
    """Structured events about single items, sent some hundred at a time."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client
        self._batches = Batches(self._send, 500, 1024 * 1024)

    @property
    def count(self) -> int:
        """Events handed over so far."""
        return self._batches.count

    def write(
        self,
        code: str,
        message: str,
        item_id: Union[str, int, None] = None,
        context: Optional[Mapping[str, Any]] = None,
    ) -> None:
        """code: upper-case words that begin with the severity: ``INFO_``, ``WARNING_`` or ``ERROR_``."""
        event = {"code": code, "message": message, "item-id": item_id, "context": context}
        self._batches.add(context_to_json(event))

    def flush(self) -> None:
        self._batches.flush()

    def _send(self, items: List[str], first: int) -> None:
        body = '{"events":[' + ",".join(items) + "]}"
        self._client.call("POST", "/event-log", body.encode(), once=True)
