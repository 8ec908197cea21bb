import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { allOperations, containerApiDocument, openApiDocument } from '@slipway/contract';
import { expect, test } from 'vitest';
import { examples } from './examples.ts';

const document = openApiDocument(allOperations, 'https://slipway.dev', '1.2.3', examples());

// The documented examples of background operations have made-up words for the operation's name.
const madeUp = /^#\/paths\/[^/]*states[^/]*\/get\/responses\/200\/.*\/name$/;

/** Probes and pages refuse nothing. Chapters say by their names what they hold. */
const config = 'extends: [recommended]\nrules: { operation-4xx-response: off, tag-description: off }\n';

test('a public linter finds nothing wrong with the document, nor with its examples', async () => {
  expect((await lint(document)).filter(({ pointer }) => !madeUp.test(pointer))).toEqual([]);
}, 30_000);

test('nor with that of the Container API', async () => {
  expect(await lint(containerApiDocument('0.25.0'))).toEqual([]);
}, 30_000);

async function lint(document: unknown): Promise<{ message: string; pointer: string }[]> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-openapi-'));
  try {
    await writeFile(join(folder, 'openapi.json'), JSON.stringify(document));
    await writeFile(join(folder, 'redocly.yaml'), config);
    const cli = join(
      dirname(createRequire(import.meta.url).resolve('@redocly/cli/package.json')),
      'bin/cli.js',
    );
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [cli, 'lint', 'openapi.json', '--format=json'],
      {
        cwd: folder,
        env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' },
      },
    ).catch((error: { stdout: string }) => error);
    const { problems } = JSON.parse(stdout) as {
      problems: { message: string; location: { pointer: string }[] }[];
    };
    return problems.map(({ message, location }) => ({ message, pointer: location[0]?.pointer ?? '' }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test('every documented operation shows its golden examples', () => {
  const paths = document.paths as Record<string, Record<string, { responses: Record<string, unknown> }>>;
  const declared = allOperations.filter(({ tag }) => tag === 'documented');
  for (const { id, path, method } of declared) {
    for (const { name, status, response } of examples().filter(({ operation }) => operation === id)) {
      const answer = paths[path]?.[method.toLowerCase()]?.responses[status];
      if (response === null) expect(answer).toBeDefined();
      else expect(JSON.stringify(answer), name).toContain(JSON.stringify(response));
    }
  }
});

test('safe changes are told: validators, preconditions and keys', () => {
  const paths = document.paths as Record<
    string,
    Record<string, { parameters: { name: string }[]; responses: object }>
  >;
  const headers = (path: string, method: string) => paths[path]?.[method]?.parameters.map(({ name }) => name);
  expect(headers('/connectors/{publicId}', 'get')).toContain('If-None-Match');
  expect(paths['/connectors/{publicId}']?.get?.responses).toHaveProperty('304');
  const bin = '/connectors/{publicId}/move-to-bin';
  expect(headers(bin, 'patch')).toEqual(expect.arrayContaining(['If-Match', 'Idempotency-Key']));
  expect(Object.keys(paths[bin]?.patch?.responses ?? {})).toEqual(
    expect.arrayContaining(['409', '412', '429']),
  );
});
