import { readdirSync, readFileSync } from 'node:fs';
import { allOperations, type Operation, type Refusal } from '../../packages/contract/src/index.ts';
import type { Recorded } from '../../packages/server/test/support/recording.ts';
import { isRefusal } from './refusals.ts';

const intro = `# Operations and their tests

What the tests of the server have seen of every operation of the API. This page is written by the tests themselves:
\`npm run docs:operations\` runs them and renews it.

- **examples**: golden examples of the contract that were answered to the letter, key order included.
- **refusals**: errors of its own that an operation declares, and of these how many a test has met with their text. The
  refusals that all operations share (401, 403, 405, 412, 413, 415, 429) are counted with the roles and fields.
- **roles**: anonymous, viewer, foreign integrator, member of the owner, admin, an expired token, and a token with every
  scope but the operation's own, each compared with the permission matrix.
- **fields**: fields of the body at every depth, path values, query parameters and headers that were given wrong types,
  nothing, too much, strange characters and unknown keys, and in how many requests. Every answer was a documented refusal,
  or a success where the value is legal.
`;

/** What the tests try every operation with. */
const roleCount = 7;

const folder = new URL('../../packages/contract/examples/cde/', import.meta.url);

/** Operation → how many golden examples it has. */
function goldenCounts(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.json'))) {
    const { operation } = JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as { operation: string };
    counts.set(operation, (counts.get(operation) ?? 0) + 1);
  }
  return counts;
}

/** One row of the table: what there is, and what was seen of it. */
export interface Row {
  id: string;
  address: string;
  examples: readonly [seen: number, all: number];
  refusals: readonly [seen: number, all: number];
  roles: readonly [seen: number, all: number];
  fields: number;
  requests: number;
}

/** What the declarations say, with nothing seen yet. */
export function declaredRows(): Row[] {
  const golden = goldenCounts();
  return allOperations.map(({ id, method, path, refusals = [] }) => ({
    id,
    address: `${method} ${path}`,
    examples: [0, golden.get(id) ?? 0],
    refusals: [0, refusals.length],
    roles: [0, roleCount],
    fields: 0,
    requests: 0,
  }));
}

/** The text of docs/reference/operations.md. */
export function operationsPage(recorded: readonly Recorded[]): string {
  const seenOf = Map.groupBy(recorded, ({ operation }) => operation);
  const rows = declaredRows().map((row) => seenRow(row, seenOf.get(row.id) ?? []));
  const missing = allOperations.flatMap((operation) =>
    unseen(operation, seenOf.get(operation.id) ?? []).map((refusal) => missingLine(operation, refusal)),
  );
  return [
    intro,
    tableHead,
    ...rows.map(tableLine),
    '',
    ...(missing.length === 0 ? [] : [missingHead, ...missing, '']),
  ].join('\n');
}

const tableHead = `| operation | address | examples | refusals | roles | fields | requests |
| --- | --- | --- | --- | --- | --- | --- |`;

const missingHead = `## Refusals that no test has met yet
`;

function seenRow(row: Row, seen: readonly Recorded[]): Row {
  const examples = new Set(seen.flatMap((each) => (each.kind === 'golden' ? [each.example] : [])));
  const roles = new Set(seen.flatMap((each) => (each.kind === 'role' ? [each.role] : [])));
  const tried = seen.find((each) => each.kind === 'fields');
  const operation = allOperations.find(({ id }) => id === row.id) as Operation;
  return {
    ...row,
    examples: [examples.size, row.examples[1]],
    refusals: [row.refusals[1] - unseen(operation, seen).length, row.refusals[1]],
    roles: [roles.size, row.roles[1]],
    fields: tried?.fields ?? 0,
    requests: tried?.requests ?? 0,
  };
}

/** Refusals of the declaration that no test was answered. */
function unseen({ refusals = [] }: Operation, seen: readonly Recorded[]): Refusal[] {
  const answers = seen.filter((each) => each.kind === 'refusal');
  return refusals.filter((refusal) => !answers.some((answer) => isRefusal(refusal, answer)));
}

const missingLine = ({ id }: Operation, { status, body }: Refusal): string =>
  `- \`${id}\`: ${status} \`${JSON.stringify(body)}\``;

const tableLine = ({ id, address, examples, refusals, roles, fields, requests }: Row): string =>
  `| \`${id}\` | \`${address}\` | ${of(examples)} | ${of(refusals)} | ${of(roles)} | ${fields} | ${requests} |`;

const of = ([seen, all]: Row['roles']): string => (all === 0 ? '–' : `${seen} of ${all}`);

/** The rows of a page as it stands in the repository. */
export function rowsOf(page: string): Row[] {
  return page
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => {
      const [id, address, examples, refusals, roles, fields, requests] = line
        .slice(2, -2)
        .split(' | ')
        .map((cell) => cell.replaceAll('`', '')) as [string, string, string, string, string, string, string];
      return {
        id,
        address,
        examples: counts(examples),
        refusals: counts(refusals),
        roles: counts(roles),
        fields: Number(fields),
        requests: Number(requests),
      };
    });
}

function counts(cell: string): readonly [number, number] {
  const [seen = 0, all = 0] = cell === '–' ? [] : cell.split(' of ').map(Number);
  return [seen, all];
}
