/**
 * Example export: writes the rows as a CSV file, hands it over for delivery, and gives feedback about each item. An item without
 * an id is left out of the feed, and an event says so.
 */
import { type Connector, run } from '@slipway/connector-sdk';

await run(async (connector) => {
  const { exchange, storage, settings, notify, log } = connector;
  const name = settings.get('file-name', 'feed.csv');
  const columns = await connector.columnOrder();
  await exchange.write(name, lines(connector, columns, settings.get('delimiter', ',')));
  const delivery = await storage.toTransport(name);
  await delivery.finished();
  const { count } = connector.feedback;
  log.success(`${count} items exported to ${name}.`, { items: count, columns });
  await notify.success(`${count} items exported.`);
});

/** The lines of the feed; feedback and events are written on the way. */
async function* lines({ input, feedback, events }: Connector, columns: readonly string[], delimiter: string) {
  yield line(columns, delimiter);
  let number = 0;
  for await (const row of input) {
    number += 1;
    const { id } = row;
    if (!id) {
      await events.write({
        code: 'WARNING_NO_ID',
        message: 'An item without an id was left out.',
        context: { number },
      });
      continue;
    }
    yield line(
      columns.map((column) => row[column] ?? ''),
      delimiter,
    );
    await feedback.write({ id, status: 'exported', position: number });
  }
}

/** RFC 4180: a field with a delimiter, a quote or a line break stands in quotes. */
function line(fields: readonly string[], delimiter: string): string {
  const quoted = fields.map((field) =>
    field.includes(delimiter) || /["\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field,
  );
  return `${quoted.join(delimiter)}\r\n`;
}
