"""Example delta export: hands over what has changed since the last successful export, one operation per line.

A checkpoint numbers the files, so that the receiver can tell whether one is missing.
"""

import json
from collections import Counter

from slipway_connector import Connector, run

OPERATIONS = {"new": "create", "modified": "update", "deleted": "delete"}


def main(connector: Connector) -> None:
    last = connector.state.entry("file-number")
    number = last.value + 1 if last else 1
    name = f"changes-{number:05}.ndjson"
    id_column = connector.settings.get("id-column", "id")
    operations: Counter = Counter()
    with connector.exchange.create(name) as file, connector.feedback as feedback:
        for kind, row in connector.changes():
            operation = OPERATIONS[kind]
            item = row[id_column]
            content = {"id": item} if kind == "deleted" else row
            file.write(json.dumps({"operation": operation, "item": content}, ensure_ascii=False) + "\n")
            feedback.write({id_column: item, "operation": operation, "file": name})
            operations[operation] += 1
    if not operations:
        connector.log.info("Nothing has changed.")
        return
    connector.storage.to_transport(name).wait()
    # Kept when the run succeeds: a number is never ahead of its file.
    connector.state.set("file-number", number, if_version=last.version if last else None, if_new=last is None)
    connector.log.success(f"{sum(operations.values())} changes in {name}.", operations)


run(main)
