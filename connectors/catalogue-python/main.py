"""Example data source: writes a bundled product catalogue to the Container API, with the standard library alone."""

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

# The fixed address works wherever a connector runs; nothing has to be configured.
API = "http://cde-container-api"
BATCH_SIZE = 500


def call(method, path, body, expected):
    """Calls the Container API and ends the connector when the answer is not the expected one."""
    request = urllib.request.Request(
        API + path,
        data=json.dumps(body).encode(),
        method=method,
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            status, text = response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read().decode()
    if status != expected:
        raise RuntimeError(f"{method} {path} answered {status}: {text}")


def log(level, message, **context):
    call("POST", f"/logs/{level}", {"message": message, "context": context}, 201)


def products(limit):
    with (Path(__file__).parent / "catalogue.ndjson").open(encoding="utf-8") as lines:
        for index, line in enumerate(lines):
            if limit and index >= limit:
                return
            yield json.loads(line)


def main():
    limit = int(os.environ.get("ROW_LIMIT", "0"))
    log("info", "Reading the catalogue.", limit=limit or "none")
    batch, written = [], 0
    for product in products(limit):
        batch.append(product)
        if len(batch) == BATCH_SIZE:
            call("POST", "/output/output", {"data": batch}, 201)
            written += len(batch)
            batch = []
    if batch:
        call("POST", "/output/output", {"data": batch}, 201)
        written += len(batch)
    print(f"{written} products written")
    log("success", f"{written} products written.", products=written)


if __name__ == "__main__":
    if "--health" in sys.argv:
        print("ready")
    else:
        main()
