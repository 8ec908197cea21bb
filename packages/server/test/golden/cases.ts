import { readdirSync, readFileSync } from 'node:fs';

/** A golden example as `packages/contract/examples/cde` holds it. */
export interface GoldenCase {
  file: string;
  operation: string;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  query?: Record<string, string>;
  request?: Record<string, unknown>;
  status: number;
  response: unknown;
  volatile: string[];
  caller: 'anonymous' | 'no-scope' | 'viewer' | 'foreign' | 'member' | 'admin';
  note?: string;
}

const folder = new URL('../../../contract/examples/cde/', import.meta.url);

/** All examples of the given operations, by file name. */
export const goldenCases = (operations: ReadonlySet<string>): GoldenCase[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((file) => ({
      file,
      ...(JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Omit<GoldenCase, 'file'>),
    }))
    .filter(({ operation }) => operations.has(operation));
