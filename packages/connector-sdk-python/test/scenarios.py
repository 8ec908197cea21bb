"""Scenarios for the tests: small connectors that print what they have found. ``scenarios.mjs`` has the same."""

import datetime
import decimal
import itertools
import json
import os
import re
import resource
import sys
import time

from slipway_connector import Connector, run


def say(value):
    print(json.dumps(value), flush=True)


def attempt(action):
    try:
        return action()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def write(connector):
    output = connector.output
    output.write({"id": 1, "price": {"amount": 9.5, "currency": "EUR"}, "tags": ["a", "b"]})
    output.write_all(
        [
            {"id": 12345678901234567890, "updated-at": datetime.datetime(2026, 5, 11, tzinfo=datetime.timezone.utc)},
            {"id": 'ä "x"\n', "none": None},
        ]
    )
    connector.flush()
    with connector.writer("output", separator=".") as dotted:
        dotted.write({"id": 4, "price": {"amount": decimal.Decimal(1)}})
    output.stream({"id": number} for number in (5, 6))
    output.stream([])
    output.write({"id": 7})
    say(output.count)


def batches(connector):
    limits = {"batch_rows": connector.settings.integer("rows"), "batch_bytes": connector.settings.integer("bytes")}
    with connector.writer("output", **limits) as output:
        for number in range(10):
            output.write({"id": number})


def read(connector):
    reader, seen = connector.input, []
    for row in reader:
        seen.append(row["id"])
        if len(seen) == 3:
            break
    for rows in reader.batches(2):
        seen.append([row["id"] for row in rows])
        if len(seen) == 5:
            break
    seen += [row["id"] for row in reader]
    seen += [f"never {row['id']}" for row in reader]
    reader.restart()
    for row in connector.read("input", show_hidden=True):
        seen.append(row)
        break
    in_class = connector.read("input", classification=111)
    seen += [f"class {row['id']}" for row in in_class]
    seen += [row["id"] for row in reader]
    say({"seen": seen, "count": reader.count(), "inClass": in_class.count()})


def changes(connector):
    seen = [[kind, row["id"]] for kind, row in connector.changes()]
    seen += [[kind, row["id"]] for kind, row in connector.changes(["unchanged"])]
    say(seen)


def messages(connector):
    levels = "debug info notice warning error critical alert emergency success report".split()
    for level in levels:
        getattr(connector.log, level)(f"{level} entry", {"level": level})
    connector.log.info("with an error", error=TypeError("wrong"), big=str(2**64))
    for level in ("success", "info", "warning", "error"):
        getattr(connector.notify, level)(f"{level} line")
    for item in range(501):
        connector.events.write("WARNING_NO_PRICE", "No price.", item_id=item, context={"column": "price"})
    connector.events.write("INFO_SEEN", "Seen.")
    say(connector.events.count)


def state(connector):
    store = connector.state
    results = [store.get("key"), store.set("key", {"id": 1}, if_new=True), store.get("key")]
    entry = store.entry("key")
    results += [entry.version, entry.updated_at.tzinfo is None]
    results += [store.set("key", [1, "two", None], if_version=entry.version, commit="now"), store.get("key")]
    results += [
        attempt(lambda: store.set("key", 1, if_version=1)),
        attempt(lambda: store.set("key", 1, if_new=True)),
        attempt(lambda: store.delete("key", if_version=9)),
        attempt(lambda: store.set("a/b", 1)),
    ]
    results += [store.delete("key", if_version=2), store.delete("key"), store.get("key")]
    say(results)


def files(connector):
    exchange, bucket, storage = connector.exchange, connector.bucket, connector.storage
    with exchange.create("out/feed é.csv") as file:
        file.write("id\n1\n")
    path = exchange.path("/out/feed é.csv")
    results = [path.is_file()]
    bucket.upload("out/feed é.csv", "kept/feed é.csv")
    bucket.upload(path)
    results.append(bucket.download("kept/feed é.csv").read_text("utf-8"))
    results.append(bucket.download_if_exists("kept/other.csv"))
    bucket.delete("kept/feed é.csv")
    process = storage.to_transport("out", "delivered")
    process.wait()
    storage.to_internal("out/feed é.csv").wait()
    results += [process.status().exit_code, storage.pending()]
    storage.log_processes()
    for action in (
        lambda: bucket.download("kept/feed é.csv"),
        lambda: bucket.delete("kept/feed é.csv"),
        lambda: bucket.upload("none.csv"),
        lambda: storage.to_transport("none", "../x"),
        lambda: exchange.path("a/../../x"),
    ):
        try:
            results.append(str(action()))
        except Exception as error:
            results.append(str(error))
    say(results)


def storage_fails(connector):
    connector.exchange.write("big.csv", "x")
    process = connector.storage.to_transport("big.csv", "taken/below.csv")
    result = attempt(process.wait)
    say("finished" if result is None else result.replace(process.id, "<id>"))


def information(connector):
    settings, metadata = connector.settings, connector.metadata()
    say(
        [
            settings.get("api-url"),
            settings.get("none", "fallback"),
            settings.get("empty", "fallback"),
            settings.required("api-url"),
            settings.flag("should_fail"),
            settings.flag("none"),
            settings.integer("limit"),
            settings.list("kinds"),
            settings.auth("refresh_token"),
            settings.secret("google-io::shopping", "key"),
            attempt(lambda: settings.required("shop-password")),
            attempt(lambda: settings.number("api-url")),
            [connector.run.site_id, connector.run.environment, connector.run.stage],
            [metadata["site"]["name"], metadata["connector"]["type"], metadata["run-id"]],
            connector.column_order(),
            connector.column_order(show_hidden=True),
            [{"id": number, "path": path} for number, path in connector.classifications()],
            [{"id": number, "path": path} for number, path in connector.classifications("SECOND")],
        ]
    )


def refused(connector):
    results = []
    rows = connector.writer("output", batch_rows=2)
    rows.write_all([{"id": 1}, {"id": 2}])
    results.append(attempt(lambda: rows.write_all([{"id": 3}, {"": 4}])))
    results.append(attempt(lambda: rows.write({"id": 5})))
    results.append(attempt(lambda: connector.output.write({"id": lambda: 0})))
    results.append(attempt(lambda: connector.output.stream([{"id": 6}, {"id": 7}, {"": 8}])))
    results.append(attempt(lambda: list(connector.read("new"))))
    results.append(attempt(lambda: connector.log.info("")))
    connector.events.write("wrong", "x")
    results.append(attempt(connector.events.flush))
    connector.feedback.write({"id": 1})
    connector.feedback.close()
    connector.feedback.write({"id": 2})
    results.append(attempt(connector.feedback.flush))
    say(results)
    sys.stdout.flush()
    os._exit(0)


def source_fails(connector):
    def rows():
        yield {"id": 1}
        raise RuntimeError("The shop does not answer.")

    connector.output.stream(rows())


def write_on(connector):
    output = connector.writer("output", batch_rows=50)
    for number in range(connector.settings.integer("rows")):
        output.write({"id": number})
        if number % 100 == 99:
            output.flush()
            connector.log.info(f"{number + 1} rows")
            if number == 199:
                print("under way", flush=True)


def read_on(connector):
    with open(connector.settings.required("notes"), "a") as notes:
        for index, row in enumerate(connector.input):
            notes.write(f"{row['id']}\n")
            notes.flush()
            if index == 199:
                print("under way", flush=True)


def state_on(connector):
    version = None
    for value in range(1, connector.settings.integer("rows") + 1):
        version = connector.state.set("n", value, if_version=version, if_new=version is None)
        if value == 50:
            print("under way", flush=True)
    say({"value": connector.state.get("n"), "version": version})


def impatient(connector):
    rows = connector.settings.integer("rows")
    with Connector(timeout_seconds=0.3) as hasty:
        for number in range(rows):
            hasty.output.write({"id": number})
            hasty.flush()
            if number == 50:
                print("under way", flush=True)


def slow_source(_connector):
    def rows():
        for number in range(3):
            yield {"id": number}
            time.sleep(1.2)

    with Connector(timeout_seconds=0.4) as hasty:
        hasty.output.stream(rows())


def too_large(connector):
    row = {"text": "x" * connector.settings.integer("characters")}

    def action():
        if connector.settings.flag("stream"):
            connector.output.stream([row])
        else:
            connector.output.write(row)
            connector.output.flush()

    say(attempt(action))
    os._exit(0)


def unreachable(_connector):
    connector = Connector(retry_seconds=0.1)
    say(re.sub(r"\d+ times", "n times", attempt(lambda: connector.log.info("x"))))


def copy_all(connector):
    for row in connector.input:
        connector.output.write({**row, "copied": True})
    say(connector.output.count)


def flood(connector):
    text = "x" * 200
    total = connector.settings.integer("rows")
    connector.output.stream({"id": number, "text": text} for number in range(total))
    say(connector.output.count)


def stream_on(connector):
    text = "x" * 1000

    def rows():
        for number in itertools.count():
            if number == 2000:
                print("under way", flush=True)
            yield {"id": number, "text": text}

    say(attempt(lambda: connector.output.stream(rows())))


def cancelled(connector):
    try:
        for row in connector.input:
            connector.output.write(row)
            if connector.output.count == 10:
                print("under way", flush=True)
            time.sleep(0.02)
    finally:
        connector.state.set("stopped", True)
        connector.log.warning("stopped")


def fails(connector):
    connector.output.write({"id": 1})
    connector.log.error("going down")
    raise RuntimeError("The shop does not answer.") from TimeoutError("connect ETIMEDOUT")


def snake(name):
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name)


if "MEMORY_LIMIT_MB" in os.environ:
    limit = int(os.environ["MEMORY_LIMIT_MB"]) * 1024**2
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

run(globals()[snake(sys.argv[1])] if len(sys.argv) > 1 and not sys.argv[1].startswith("--") else lambda _: None)
