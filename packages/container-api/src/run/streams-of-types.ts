import type { ConnectorType } from '@slipway/contract';

export type InputName = 'input' | 'new' | 'modified' | 'unchanged' | 'deleted';
export type OutputName = 'output' | 'feedback';

const DELTA: readonly InputName[] = ['new', 'modified', 'unchanged', 'deleted', 'input'];

/** Streams of each connector type (container-api.md 3). Every type has `feedback`. */
export const STREAMS: Readonly<
  Record<ConnectorType, { readonly inputs: readonly InputName[]; readonly output: boolean }>
> = {
  datasource: { inputs: [], output: true },
  download: { inputs: [], output: false },
  transform: { inputs: [], output: true },
  'data-service': { inputs: ['input'], output: true },
  export: { inputs: ['input'], output: false },
  'export-delta': { inputs: DELTA, output: false },
  write: { inputs: ['input'], output: false },
  upload: { inputs: [], output: false },
};
