"""The four data flows with http.client, over one connection."""

import http.client
import json
import os
import sys
from urllib.parse import urlsplit

address = urlsplit(os.environ["CONTAINER_API_URL"])
connection = http.client.HTTPConnection(address.hostname, address.port, timeout=5)


def call(method, path, body=None, expect=200):
    headers = {} if body is None else {"Content-Type": "application/json"}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != expect and not (path.endswith("/next") and answer.status == 204):
        raise SystemExit(f"{method} {path} answered {answer.status}: {text}")
    return json.loads(text)["data"] if answer.status == 200 else None


def write(stream, rows):
    call("POST", f"/output/{stream}", {"data": rows}, 201)


def batches(stream):
    while rows := call("GET", f"/input/{stream}/next_batch?size=50"):
        yield rows


flow = sys.argv[1]
if flow == "datasource":
    for ids in range(1, 121, 40):
        # A float would be printed as 9.9.
        rows = [{"id": id, "price": "9.90", "tags": ["a", "b"]} for id in range(ids, ids + 40)]
        write("output", rows)
elif flow == "data-service":
    for rows in batches("input"):
        write("output", [{**row, "label": "seen"} for row in rows])
elif flow == "export":
    while row := call("GET", "/input/input/next"):
        write("feedback", [{**row, "status": "ok"}])
elif flow == "export-delta":
    for stream in ("new", "modified", "unchanged", "deleted"):
        for rows in batches(stream):
            write("feedback", [{**row, "change": stream} for row in rows])
call("POST", "/logs/info", {"message": "done", "context": {"client": "http.client"}}, 201)
call("POST", "/output/output/close", None, 204)
