import type { Api } from './api.ts';
import type { DemoKind } from './workspace.ts';

/** Makes the demo through the API, and remembers what it made. */
export interface Maker {
  api: Api;
  remember(kind: DemoKind, id: string | number): Promise<void>;
}

/** A connector of the demo workspace: an example repository with its configuration. */
export interface DemoConnector {
  name: string;
  description: string;
  example: string;
  command: string;
  arguments: string;
  fields: readonly Record<string, unknown>[];
}

const categories = ['Clothing', 'Garden', 'Home', 'Kitchen', 'Toys'];

/** The one that is walked through before the user's eyes. */
export const demoCatalogue: DemoConnector = {
  name: 'Demo catalogue',
  description: 'Reads a bundled catalogue of 2400 products. Switch on "Fail on purpose" to see a failure.',
  example: 'catalogue-typescript',
  command: 'node',
  arguments: 'main.ts',
  fields: [
    {
      'command-option': 'category',
      'field-type': 'select',
      'field-name': 'Category',
      'field-description': 'Only products of this category; empty: all.',
      'field-config': JSON.stringify(Object.fromEntries(categories.map((name) => [name, name]))),
    },
    {
      'command-option': 'shop-password',
      'field-type': 'password',
      'field-name': 'Shop password',
      'field-description': 'Any text; every log shows it as ***.',
    },
    {
      'command-option': 'fail-on-purpose',
      'field-type': 'checkbox',
      'field-name': 'Fail on purpose',
      'field-default-value': '0',
    },
  ],
};

/** Ready to be built by the user. */
export const furtherConnectors: readonly DemoConnector[] = [
  {
    name: 'Demo catalogue in Python',
    description: 'The same catalogue, read with the standard library of Python.',
    example: 'catalogue-python',
    command: 'python3',
    arguments: 'main.py',
    fields: [
      {
        'command-option': 'row-limit',
        'field-type': 'input',
        'field-name': 'Row limit',
        'field-description': 'The most products to read; empty: all.',
      },
    ],
  },
  {
    name: 'Demo failure',
    description: 'Crashes after one row, to see what a failed run shows.',
    example: 'fails-on-purpose',
    command: 'node',
    arguments: 'main.js',
    fields: [],
  },
];

/** Creates and configures the connector, or finds it from an earlier start. Gives its id. */
export async function ensureConnector(
  { api, remember }: Maker,
  connector: DemoConnector,
  owner: string,
  repository: string,
): Promise<string> {
  const found = await api.get<{ data: { id: string; name: string }[] }>(
    `/connectors?owners=${owner}&name=${encodeURIComponent(connector.name)}`,
  );
  const present = found.data.find(({ name }) => name === connector.name);
  const id = present?.id ?? (await create(api, connector, owner));
  await remember('connector', id);
  const version = `/connectors/${id}/versions/1`;
  const { data } = await api.get<{ data: { state: string } }>(version);
  if (data.state !== 'created' && data.state !== 'updating') return id;
  await api.send('PUT', `${version}/vcs-configs`, {
    authorization: 'public',
    url: repository,
    branch: 'main',
  });
  const fields = await api.get<{ data: { 'command-option': string }[] }>(`${version}/individual-configs`);
  for (const field of connector.fields) {
    if (fields.data.some((other) => other['command-option'] === field['command-option'])) continue;
    await api.send('POST', `${version}/individual-configs`, field);
  }
  await api.send('PUT', `${version}/application-configs`, {
    command: connector.command,
    arguments: connector.arguments,
    'health-check': '--health',
  });
  return id;
}

async function create(api: Api, connector: DemoConnector, owner: string): Promise<string> {
  const { data } = await api.send<{ data: { id: string } }>('POST', '/connectors', {
    'connector-type': 'datasource',
    'connector-name': connector.name,
    'connector-description': connector.description,
    owner,
  });
  return data.id;
}
