import type { Client, InputOf } from '@slipway/client';
import type { DemoKind } from './workspace.ts';

/** Makes the demo through the API, and remembers what it made. */
export interface Maker {
  client: Client;
  remember(kind: DemoKind, id: string | number): Promise<void>;
}

/** A connector of the demo workspace: an example repository with its configuration. */
export interface DemoConnector {
  name: string;
  type: 'datasource' | 'data-service' | 'export';
  description: string;
  example: string;
  command: string;
  arguments: string;
  fields: readonly InputOf<'connectorIndividualConfigAdd'>['body'][];
}

const categories = ['Clothing', 'Garden', 'Home', 'Kitchen', 'Toys'];

/** The one that is walked through before the user's eyes. */
export const demoCatalogue: DemoConnector = {
  name: 'Demo catalogue',
  type: 'datasource',
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
    name: 'Demo labels',
    type: 'data-service',
    description: 'Gives every row a short label, made of the columns that you choose.',
    example: 'labels-typescript',
    command: 'node',
    arguments: 'main.ts',
    fields: [
      {
        'command-option': 'label-length',
        'field-type': 'input',
        'field-name': 'Label length',
        'field-description': 'The most characters of a label; empty: 60.',
      },
    ],
  },
  {
    name: 'Demo feed export',
    type: 'export',
    description:
      'Writes the rows as a CSV file, hands it over for delivery, and gives feedback about each item.',
    example: 'feed-export-typescript',
    command: 'node',
    arguments: 'main.ts',
    fields: [
      {
        'command-option': 'file-name',
        'field-type': 'input',
        'field-name': 'File name',
        'field-default-value': 'feed.csv',
      },
    ],
  },
  {
    name: 'Demo catalogue in Python',
    type: 'datasource',
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
    type: 'datasource',
    description: 'Crashes after one row, to see what a failed run shows.',
    example: 'fails-on-purpose',
    command: 'node',
    arguments: 'main.js',
    fields: [],
  },
];

/** Creates and configures the connector, or finds it from an earlier start. Gives its id. */
export async function ensureConnector(
  { client, remember }: Maker,
  connector: DemoConnector,
  owner: string,
  repository: string,
): Promise<string> {
  const found = await client.connectorList({ query: { owners: [owner], name: connector.name } });
  const present = found.items.find(({ name }) => name === connector.name);
  const publicId = present?.id ?? (await create(client, connector, owner));
  await remember('connector', publicId);
  const version = { publicId, connectorVersion: 1 };
  const { state } = await client.connectorVersionShow(version);
  if (state !== 'created' && state !== 'updating') return publicId;
  await client.connectorUpdateVcsConfig({
    ...version,
    body: { authorization: 'public', url: repository, branch: 'main' },
  });
  const fields = await client.connectorIndividualConfigList(version);
  for (const field of connector.fields) {
    if (fields.some((other) => other['command-option'] === field['command-option'])) continue;
    await client.connectorIndividualConfigAdd({ ...version, body: field });
  }
  await client.connectorUpdateApplicationConfig({
    ...version,
    body: { command: connector.command, arguments: connector.arguments, 'health-check': '--health' },
  });
  return publicId;
}

async function create(client: Client, connector: DemoConnector, owner: string): Promise<string> {
  const { id } = await client.connectorCreate({
    body: {
      'connector-type': connector.type,
      'connector-name': connector.name,
      'connector-description': connector.description,
      owner,
    },
  });
  return id;
}
