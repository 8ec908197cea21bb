"""The frame around a connector."""

from __future__ import annotations

import signal
import sys
import traceback
from typing import Any, Callable

from ._connector import Connector
from ._errors import Cancelled


def run(main: Callable[[Connector], Any]) -> None:
    """Runs a connector: calls ``main``, stores what is still buffered, and ends the process as the platform expects it.

    - ``main`` returns: exit code 0, once everything is stored.
    - ``main`` raises: the traceback goes to stderr, exit code 1. Rows written before are kept for inspection.
    - SIGTERM (the run is cancelled or took too long): Cancelled is raised wherever ``main`` is, so that its ``finally``
      blocks can save the state; exit code 143.
    - The argument ``--health`` is there: ``main`` is not called, exit code 0. Use it as the connector's health check.
    """
    if "--health" in sys.argv[1:]:
        print("ready")
        return
    signal.signal(signal.SIGTERM, _cancel)
    try:
        with Connector() as connector:
            main(connector)
    except Exception:
        traceback.print_exc()
        sys.stderr.flush()
        sys.exit(1)


def _cancel(_number: int, _frame: Any) -> None:
    # A second one must not disturb the saving that the first one set off.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Cancelled
