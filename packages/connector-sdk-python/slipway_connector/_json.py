"""JSON of values that connectors have at hand."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import json
import pathlib
import uuid
from typing import Any, Mapping


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    # As text, a Decimal keeps its digits: 9.90 stays 9.90.
    if isinstance(value, (decimal.Decimal, uuid.UUID, pathlib.PurePath)):
        return str(value)
    raise TypeError(f"A {type(value).__name__} can not be written as JSON.")


def _readable(value: Any) -> Any:
    if isinstance(value, BaseException):
        return {"name": type(value).__name__, "message": str(value)}
    try:
        return _plain(value)
    except TypeError:
        return repr(value)


#: JSON in ASCII without line breaks. Raises ``TypeError`` for what has no JSON, ``ValueError`` for NaN and infinity.
to_json = json.JSONEncoder(separators=(",", ":"), default=_plain, allow_nan=False).encode

#: The same for contexts of messages, where everything has to be readable somehow.
context_to_json = json.JSONEncoder(separators=(",", ":"), default=_readable).encode
