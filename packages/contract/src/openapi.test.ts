import { readdirSync, readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, test } from 'vitest';
import { openApiDocument } from './openapi.ts';
import { allOperations } from './operations/index.ts';

const document = openApiDocument(allOperations, 'https://slipway.example.com', '1.2.3');

test('the document is valid OpenAPI 3.1', async () => {
  const validator = new Validator();
  const result = await validator.validate(document as Record<string, unknown>);
  expect(result.errors ?? []).toEqual([]);
  expect(result.valid).toBe(true);
  expect(validator.version).toBe('3.1');
});

test('it says of every operation what the declaration says', () => {
  const paths = document.paths as Record<string, Record<string, Record<string, unknown>>>;
  for (const operation of allOperations) {
    const described = paths[operation.path]?.[operation.method.toLowerCase()];
    expect(described?.operationId).toBe(operation.id);
    expect(described?.security).toEqual(
      operation.access === 'public' ? [] : [{ oAuth2AuthCode: operation.scope ? [operation.scope] : [] }],
    );
  }
  const ids = allOperations.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
});

test('what only the checks of the server read is not in it', () => {
  const text = JSON.stringify(document);
  expect(text).not.toContain('x-texts');
  expect(text).not.toContain('x-verbatim');
});

test('every representation has a name there', () => {
  const folder = new URL('./representations/', import.meta.url);
  const files = readdirSync(folder).filter((name) => name !== 'common.ts' && name !== 'index.ts');
  const index = readFileSync(new URL('index.ts', folder), 'utf8');
  expect(index.match(/'\.\/[^']+'/g)?.sort()).toEqual(files.map((name) => `'./${name}'`).sort());
});

test('representations have a name, and are written out once', () => {
  const { schemas } = document.components as { schemas: Record<string, { properties: object }> };
  expect(schemas.Connector?.properties).toMatchObject({
    versions: { type: 'array', items: { $ref: '#/components/schemas/ConnectorVersion' } },
  });
  const text = JSON.stringify(document);
  for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
    expect(schemas).toHaveProperty(name as string);
  }
  expect(text.split('"platform_dev_reference":').length).toBe(2);
});

test('an upload is a form with a file', () => {
  const paths = document.paths as Record<string, Record<string, { requestBody: { content: object } }>>;
  const upload = paths['/connectors/{publicId}/versions/{connectorVersion}/logo']?.post;
  expect(Object.keys(upload?.requestBody.content ?? {})).toEqual(['multipart/form-data']);
});
