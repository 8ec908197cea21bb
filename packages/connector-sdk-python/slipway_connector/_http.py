"""Calls of the Container API over kept-alive connections, repeated when a connection fails."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
import urllib.parse
import uuid
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Union

from ._errors import ApiError, UnreachableError

#: Pauses between attempts in seconds; the last one is repeated. A Container API that died is back within 5 s.
_PAUSES = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
#: A streamed body that has no row sends empty lines, so many in the time that an answer may take: the Container API gives up
#: a request that is silent for so long.
_PULSES = 4
_BLOCK = 64 * 1024

Query = Mapping[str, Union[str, int, bool, None]]

#: What a failed connection raises.
CONNECTION_FAILED = (OSError, http.client.HTTPException)


class Answer(NamedTuple):
    data: Any
    #: The answer to an earlier attempt was lost: it may have had its effect.
    repeated: bool


class Retries:
    """Counts and paces the attempts of one call."""

    def __init__(self, client: HttpClient, method: str, path: str) -> None:
        self._client = client
        self._method = method
        self._path = path
        # Counted from the first failure: a call may take long before its connection breaks.
        self._deadline = float("inf")
        self.count = 0

    def wait(self, error: BaseException) -> None:
        """Waits before the next attempt; raises when there has been enough of them."""
        # A name that never resolved is a program outside of a run, not a restart.
        unknown = isinstance(error, socket.gaierror) and error.errno != socket.EAI_AGAIN
        nowhere = unknown and not self._client.answered
        if self.count == 0:
            self._deadline = time.monotonic() + self._client.retry_seconds
        self.count += 1
        if nowhere or time.monotonic() >= self._deadline:
            hint = " Outside of a run, set CONTAINER_API_URL." if nowhere else ""
            raise UnreachableError(
                self._method, self._path, self._client.url, error, self.count, hint
            ) from error
        time.sleep(_PAUSES[min(self.count, len(_PAUSES)) - 1])


class HttpClient:
    """Safe to be used by several threads; each call has a connection of its own while it lasts."""

    def __init__(self, url: str, retry_seconds: float, timeout_seconds: float) -> None:
        self.url = url.rstrip("/")
        parts = urllib.parse.urlsplit(self.url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f'The Container API speaks HTTP: "{url}" is no http:// address.')
        self._host = parts.hostname
        self._port = parts.port or 80
        self._prefix = parts.path
        self._timeout = timeout_seconds
        self.retry_seconds = retry_seconds
        self.answered = False
        self._idle: List[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    def call(
        self,
        method: str,
        path: str,
        body: Optional[bytes] = None,
        *,
        content_type: str = "application/json",
        headers: Optional[Mapping[str, str]] = None,
        query: Optional[Query] = None,
        once: bool = False,
        patient: bool = False,
    ) -> Answer:
        """Calls an operation whose answer is small.

        once: with an ``Idempotency-Key``, so that a repeated call has its effect once.
        patient: the answer may take as long as it takes.
        Raises ApiError for a status outside 200 to 299, UnreachableError.
        """
        target = path + query_text(query)
        sent: Dict[str, str] = dict(headers or {})
        if body is not None:
            sent["Content-Type"] = content_type
        if once:
            sent["Idempotency-Key"] = str(uuid.uuid4())
        retries = Retries(self, method, path)
        while True:
            connection = self._take(None if patient else self._timeout)
            try:
                connection.request(method, self._prefix + target, body, sent)
                response = connection.getresponse()
                text = response.read()
                if response.status == 408:
                    # The request stood still for too long on its way: the connection is closed.
                    raise http.client.HTTPException("408 Request timed out.")
            except CONNECTION_FAILED as error:
                connection.close()
                retries.wait(error)
                continue
            except BaseException:
                connection.close()
                raise
            self._give_back(connection, response)
            self.answered = True
            if 200 <= response.status < 300:
                return Answer(json.loads(text).get("data") if text else None, retries.count > 0)
            raise api_error(method, path, response.status, text, retries.count > 0)

    def blocks(self, path: str, query: Query) -> Iterator[bytes]:
        """Reads an answer of any length as it is taken; one attempt.

        Raises ApiError for another status than 200, and CONNECTION_FAILED.
        """
        connection = self._take(self._timeout)
        complete = False
        try:
            connection.request("GET", self._prefix + path + query_text(query))
            response = connection.getresponse()
            if response.status != 200:
                raise api_error("GET", path, response.status, response.read(), False)
            self.answered = True
            while True:
                block = response.read1(_BLOCK)
                if not block:
                    break
                yield block
            complete = True
            self._give_back(connection, response)
        finally:
            if not complete:
                connection.close()

    def upload(self, path: str, query: Query, content_type: str, lines: Iterator[bytes]) -> None:
        """Sends a body as it comes into being; one attempt, since the body is gone afterwards.

        Raises ApiError, UnreachableError, and what ``lines`` raises: the call is broken off then.
        """
        connection = self._take(self._timeout)
        sending = threading.Lock()
        over = threading.Event()

        def send(chunk: bytes) -> None:
            with sending:
                if not over.is_set():
                    connection.send(b"%x\r\n%b\r\n" % (len(chunk), chunk))

        def pulse() -> None:
            while not over.wait(self._timeout / _PULSES):
                try:
                    send(b"\n")
                except OSError:
                    return

        try:
            try:
                connection.putrequest("POST", self._prefix + path + query_text(query))
                connection.putheader("Content-Type", content_type)
                connection.putheader("Transfer-Encoding", "chunked")
                connection.endheaders()
            except CONNECTION_FAILED as error:
                raise self._lost(path, error) from error
            threading.Thread(target=pulse, daemon=True).start()
            broken: Optional[BaseException] = None
            block: List[bytes] = []
            size = 0
            for line in lines:
                block.append(line)
                size += len(line)
                if size >= _BLOCK:
                    try:
                        send(b"".join(block))
                    except OSError as error:
                        # Answered before the end, perhaps: the answer says why.
                        broken = error
                        break
                    block, size = [], 0
            try:
                if broken is None:
                    if block:
                        send(b"".join(block))
                    # Behind the end nothing may be sent any more.
                    with sending:
                        over.set()
                        connection.send(b"0\r\n\r\n")
                response = connection.getresponse()
                text = response.read()
            except CONNECTION_FAILED as error:
                raise self._lost(path, broken or error) from error
            self.answered = True
            if response.status != 201:
                raise api_error("POST", path, response.status, text, False)
        finally:
            over.set()
            connection.close()

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _lost(self, path: str, error: BaseException) -> UnreachableError:
        hint = " Rows that are streamed can not be sent again."
        return UnreachableError("POST", path, self.url, error, 1, hint)

    def _take(self, timeout: Optional[float]) -> http.client.HTTPConnection:
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=timeout)
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        return connection

    def _give_back(
        self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse
    ) -> None:
        if response.will_close or not response.isclosed():
            connection.close()
            return
        with self._lock:
            self._idle.append(connection)


def api_error(method: str, path: str, status: int, text: bytes, repeated: bool) -> ApiError:
    reason, errors = text[:200].decode("utf-8", "replace"), {}
    try:
        answer = json.loads(text)
        reason, errors = answer.get("message", ""), answer.get("errors", {})
    except (ValueError, AttributeError):
        pass  # No answer of a Container API: its text has to do.
    return ApiError(method, path, status, reason, errors, repeated)


def query_text(query: Optional[Query]) -> str:
    given = {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in (query or {}).items()
        if value is not None
    }
    return "?" + urllib.parse.urlencode(given, quote_via=urllib.parse.quote) if given else ""
