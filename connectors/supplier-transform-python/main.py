"""Example transform: makes rows of the file that the download has left in the exchange folder."""

import csv

from slipway_connector import Connector, run


def main(connector: Connector) -> None:
    delimiter = connector.settings.get("delimiter", ";")
    path = connector.exchange.path("supplier.csv")
    if not path.is_file():
        raise FileNotFoundError("There is no supplier.csv: the download has to succeed first.")
    with path.open(encoding="utf-8-sig", newline="") as file, connector.output as output:
        for number, line in enumerate(csv.DictReader(file, delimiter=delimiter), start=1):
            if not line["article"]:
                connector.events.write("WARNING_NO_ARTICLE", "A line without an article.", context={"line": number})
                continue
            output.write(
                {
                    "id": line["article"],
                    "title": line["description"],
                    "price": line["price"].replace(",", "."),
                    "availability": "in stock" if int(line["stock"] or 0) > 0 else "out of stock",
                }
            )
    connector.log.success(f"{output.count} articles.", articles=output.count)


run(main)
