import { readdirSync, readFileSync } from 'node:fs';
import type { Example } from '@slipway/contract';

const folder = new URL('../../../contract/examples/cde/', import.meta.url);

/** The golden examples of the contract, for the reference: what is tested is what is shown. */
export const examples = (): Example[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((file) => ({
      name: file.slice(0, -'.json'.length),
      ...(JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Omit<Example, 'name'>),
    }));
