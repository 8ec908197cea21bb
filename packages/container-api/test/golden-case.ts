import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** A call of a golden case (container-api.md 10). */
export interface GoldenCall {
  readonly method: string;
  /** As on the wire: percent-encoded, sent untouched. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** `null`: do not send this header. */
  readonly headers?: Readonly<Record<string, string | null>>;
  readonly request?: unknown;
  readonly request_text?: string;
  readonly request_bytes?: number;
  readonly status: number;
  readonly response?: unknown;
  readonly response_text?: string;
  readonly response_headers?: Readonly<Record<string, string>>;
}

export interface GoldenSetup {
  readonly 'connector-type'?: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly 'body-limit-mib'?: number;
  readonly input?: Readonly<Record<string, readonly Record<string, string>[]>>;
  readonly input_text?: Readonly<Record<string, readonly string[]>>;
  readonly broken?: readonly string[];
  readonly classifications?: readonly {
    readonly 'classification-id': number;
    readonly 'classification-path': string;
    readonly rows: Readonly<Record<string, readonly Record<string, string>[]>>;
    readonly columns: readonly string[];
  }[];
  readonly 'column-order'?: readonly string[];
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly exchange?: Readonly<Record<string, string>>;
  readonly bucket?: Readonly<Record<string, string>>;
  readonly state?: Readonly<Record<string, { value: unknown; version: number; 'updated-at': string }>>;
  readonly processes?: readonly {
    readonly id: string;
    readonly status: string;
    readonly 'exit-code': number | null;
    readonly 'seconds-remaining': number;
  }[];
  readonly calls?: readonly GoldenCall[];
}

export interface GoldenRows {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface GoldenAfter {
  readonly output?: GoldenRows;
  readonly feedback?: GoldenRows;
  readonly logs?: readonly Record<string, unknown>[];
  readonly exchange?: Readonly<Record<string, string | null>>;
  readonly bucket?: Readonly<Record<string, string | null>>;
  readonly calls?: readonly GoldenCall[];
}

export interface GoldenCase extends GoldenCall {
  readonly case: string;
  readonly setup?: GoldenSetup;
  readonly after?: GoldenAfter;
}

const root = resolve(import.meta.dirname, '../../..');

/** The project's copy of the contract's examples. */
export const EXAMPLES = resolve(root, 'packages/contract/examples');

/** Where the contract itself stands, on machines that have it. */
export const CONTRACT_EXAMPLES = resolve(
  process.env.SLIPWAY_CONTRACT_DIR ?? resolve(root, '../shared/contract'),
  'examples',
);

export const hasContract = existsSync(CONTRACT_EXAMPLES);

/** All golden cases, by name. */
export function readCases(): GoldenCase[] {
  const folder = resolve(EXAMPLES, 'container-api');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => JSON.parse(readFileSync(resolve(folder, name), 'utf8')) as GoldenCase);
}

/** An entry of `flattening.json`. */
export interface FlatteningPair {
  readonly name: string;
  readonly in: unknown;
  /** The row as exact text, where that matters. */
  readonly in_text?: string;
  readonly separator: string;
  readonly out: Readonly<Record<string, string>>;
  readonly columns: readonly string[];
}

/** Rows and what they become. */
export const readPairs = (): FlatteningPair[] =>
  JSON.parse(readFileSync(resolve(EXAMPLES, 'flattening.json'), 'utf8')) as FlatteningPair[];
