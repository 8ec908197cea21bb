"""The exchange folder, the bucket, and files for delivery."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import time
import urllib.parse
import uuid
from typing import IO, Any, Dict, Iterator, List, NamedTuple, Optional, Union

from ._errors import ApiError, StorageError
from ._http import HttpClient

#: Seconds between two looks at a storage process.
_POLL_SECONDS = 0.25

PathLike = Union[str, pathlib.PurePath]


class Exchange:
    """The folder that connector and Container API share."""

    def __init__(self, directory: str) -> None:
        self.directory = pathlib.Path(directory).absolute()

    def path(self, name: str) -> pathlib.Path:
        """The absolute path of a file in it. Raises ValueError for a path that leads out."""
        # Slashes at the start do no harm, as in the calls of the Container API.
        path = pathlib.Path(os.path.normpath(self.directory / name.lstrip("/")))
        if path != self.directory and self.directory not in path.parents:
            raise ValueError(f'"{name}" lies outside of the exchange folder.')
        return path

    def name_of(self, source: PathLike) -> str:
        """The name of a file in the folder, of its name or its absolute path."""
        path = pathlib.PurePath(source)
        return str(path.relative_to(self.directory)) if self.directory in path.parents else str(source)

    @contextlib.contextmanager
    def create(self, name: str, mode: str = "w", **options: Any) -> Iterator[IO[Any]]:
        """Opens a file to be written, as ``open`` does. It is there, whole, when the block ends without an error."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}.{uuid.uuid4()}.part")
        if "b" not in mode:
            options.setdefault("encoding", "utf-8")
        try:
            with open(unfinished, mode, **options) as file:
                yield file
            os.replace(unfinished, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                unfinished.unlink()

    def write(self, name: str, content: Union[str, bytes]) -> pathlib.Path:
        """Writes a file whole or not at all, with the folders it lies in."""
        if isinstance(content, str):
            content = content.encode()
        with self.create(name, "wb") as file:
            file.write(content)
        return self.path(name)


class Bucket:
    """The bucket that is linked to the connector: files that stay."""

    def __init__(self, client: HttpClient, exchange: Exchange) -> None:
        self._client = client
        self._exchange = exchange

    def upload(self, source: PathLike, remote: Optional[str] = None) -> None:
        """Copies a file of the exchange folder (its name there, or its path) to the bucket, by default under its name."""
        name = self._exchange.name_of(source)
        body = json.dumps({"source_file": name})
        path = "/buckets/exchange/upload/" + urllib.parse.quote(remote or name)
        self._client.call("PUT", path, body.encode())

    def download(self, remote: str) -> pathlib.Path:
        """Copies a file from the bucket to the exchange folder, and gives its path there."""
        # Answered when the file is there, which takes as long as it takes.
        self._client.call("GET", "/buckets/exchange/download/" + urllib.parse.quote(remote), patient=True)
        return self._exchange.path(remote)

    def download_if_exists(self, remote: str) -> Optional[pathlib.Path]:
        """As ``download``; None when the bucket has no such file."""
        try:
            return self.download(remote)
        except ApiError as error:
            if _is_missing(error):
                return None
            raise

    def delete(self, remote: str) -> None:
        try:
            self._client.call("DELETE", "/buckets/delete/" + urllib.parse.quote(remote))
        except ApiError as error:
            if not (_is_missing(error) and error.repeated):
                raise


class StorageStatus(NamedTuple):
    id: str
    #: ``running``, ``finished`` or ``failed``.
    status: str
    #: None while it runs.
    exit_code: Optional[int]
    seconds_remaining: int


class StorageProcess:
    """A copy in the background. The run waits for it by itself; the source must stay as it is until then."""

    def __init__(self, storage: Storage, process: str, source: str) -> None:
        self._storage = storage
        self._source = source
        self.id = process

    def status(self) -> StorageStatus:
        return self._storage.status(self.id)

    def wait(self) -> None:
        """Returns at its end. Raises StorageError when it failed."""
        while True:
            status = self.status()
            if status.status == "finished":
                return
            if status.status == "failed":
                raise StorageError(self.id, self._source, status.exit_code)
            time.sleep(_POLL_SECONDS)


class Storage:
    """Files for delivery."""

    def __init__(self, client: HttpClient, exchange: Exchange) -> None:
        self._client = client
        self._exchange = exchange

    def to_transport(self, source: PathLike, remote: Optional[str] = None) -> StorageProcess:
        """Starts to copy a file or folder of the exchange folder to the transport area."""
        return self._store("/store/to-transport", source, remote)

    def to_internal(self, source: PathLike, remote: Optional[str] = None) -> StorageProcess:
        """The same to the internal storage (deprecated by the platform)."""
        return self._store("/storage/internal", source, remote)

    def pending(self) -> List[StorageStatus]:
        """The processes that are still running, oldest first."""
        return [_status(data) for data in self._client.call("GET", "/processes/pending").data]

    def status(self, process: str) -> StorageStatus:
        return _status(self._client.call("GET", "/processes/" + urllib.parse.quote(process, safe="")).data)

    def log_processes(self) -> None:
        """Writes one log entry per process."""
        self._client.call("POST", "/processes/log")

    def _store(self, path: str, source: PathLike, remote: Optional[str]) -> StorageProcess:
        name = self._exchange.name_of(source)
        body = json.dumps({"source_file": name, "remote_file": remote or name})
        data = self._client.call("POST", path, body.encode(), once=True).data
        return StorageProcess(self, data["id"], name)


def _status(data: Dict[str, Any]) -> StorageStatus:
    return StorageStatus(data["id"], data["status"], data["exit-code"], data["seconds-remaining"])


def _is_missing(error: ApiError) -> bool:
    return error.errors.get("remoteFile") == "File not found."
