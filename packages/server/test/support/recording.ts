import { appendFileSync } from 'node:fs';
import { allOperations, type Operation } from '@slipway/contract';

/** What a test has seen of an operation, for the table of `docs/reference/operations.md`. */
export type Recorded =
  | { kind: 'golden'; operation: string; example: string }
  | { kind: 'role'; operation: string; role: string }
  | { kind: 'fields'; operation: string; fields: number; requests: number }
  | { kind: 'refusal'; operation: string; status: number; body: unknown };

/** Appends to the file that `SLIPWAY_TEST_RECORDING` names, a JSON line each; does nothing without one. */
export function record(seen: Recorded): void {
  const file = process.env.SLIPWAY_TEST_RECORDING;
  if (file) appendFileSync(file, `${JSON.stringify(seen)}\n`);
}

/** Records an answer that is a refusal of the operation's own. */
export function recordAnswer(method: string, path: string, status: number, body: unknown): void {
  if (!process.env.SLIPWAY_TEST_RECORDING || ![400, 404, 409].includes(status)) return;
  const operation = operationOf(method, path);
  if (operation) record({ kind: 'refusal', operation: operation.id, status, body });
}

const patterns = allOperations
  .map((operation) => ({
    operation,
    // Words before parameters: `/connectors/bin` is not a connector.
    places: (operation.path.match(/\{/g) ?? []).length,
    pattern: new RegExp(`^${operation.path.replace(/\{path\}$/, '.+').replace(/\{\w+\}/g, '[^/]+')}$`),
  }))
  .sort((a, b) => a.places - b.places);

/** The operation that a request goes to. */
function operationOf(method: string, address: string): Operation | undefined {
  const path = address.split('?')[0] as string;
  return patterns.find(({ operation, pattern }) => operation.method === method && pattern.test(path))
    ?.operation;
}
