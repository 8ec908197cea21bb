"""Example data source: writes the products of a bundled catalogue, as they would come from a shop."""

import itertools
import json
from pathlib import Path
from typing import Iterator

from slipway_connector import Connector, run


def products() -> Iterator[dict]:
    with (Path(__file__).parent / "catalogue.ndjson").open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def main(connector: Connector) -> None:
    limit = connector.settings.integer("row-limit")
    connector.log.info("Reading the catalogue.", limit=limit or "none")
    with connector.output as output:
        output.write_all(itertools.islice(products(), limit or None))
    print(f"{output.count} products written")
    connector.log.success(f"{output.count} products written.", products=output.count)


run(main)
