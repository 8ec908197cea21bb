import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Engine } from '../../src/index.ts';
import {
  build,
  describeWith,
  identityOf,
  makeEngine,
  makeRepository,
  planOf,
  run,
  temporaryFolder,
} from '../support.ts';
import { leftovers, removeImages } from './daemon.ts';

/** What each flow is fed with, and has to make of it. */
const ROWS = [
  { id: '1', name: 'Lamp' },
  { id: '2', name: 'Chair' },
];

const PYTHON = `import json, sys, urllib.request
if sys.argv[1:] == ['health']: sys.exit(0)
body = json.dumps({'data': [{'id': n, 'name': 'Product %d' % n} for n in (1, 2, 3)]}).encode()
request = urllib.request.Request('http://cde-container-api/output/output', body, {'Content-Type': 'application/json'})
print(urllib.request.urlopen(request).status)
`;

const NODE = `const base = process.env.CONTAINER_API_URL;
if (process.argv[2] === 'health') process.exit(0);
for (;;) {
  const { data } = await (await fetch(base + '/input/input/next_batch?size=1')).json();
  if (data.length === 0) break;
  const rows = data.map((row) => ({ ...row, upper: row.name.toUpperCase() }));
  const answer = await fetch(base + '/output/output', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ data: rows }) });
  console.log(answer.status);
}
`;

const PHP = `<?php
if (($argv[1] ?? '') === 'health') exit(0);
$base = 'http://cde-container-api';
$rows = json_decode(file_get_contents($base . '/input/full/next_batch?size=10'), true)['data'];
$feedback = array_map(fn($row) => ['id' => $row['id'], 'status' => 'accepted'], $rows);
$context = stream_context_create(['http' => ['method' => 'POST', 'header' => 'Content-Type: application/json', 'content' => json_encode(['data' => $feedback])]]);
file_get_contents($base . '/output/feedback', false, $context);
echo $http_response_header[0], "\\n";
`;

const GO = `package main
import ("bytes"; "encoding/json"; "fmt"; "net/http"; "os")
type batch struct { Data []map[string]string }
func main() {
  if len(os.Args) > 1 && os.Args[1] == "health" { return }
  base := os.Getenv("CONTAINER_API_URL")
  feedback := []map[string]string{}
  for _, stream := range []string{"new", "modified", "deleted"} {
    answer, err := http.Get(base + "/input/" + stream + "/next_batch?size=100")
    if err != nil { panic(err) }
    var rows batch
    json.NewDecoder(answer.Body).Decode(&rows)
    for _, row := range rows.Data { feedback = append(feedback, map[string]string{"id": row["id"], "action": stream}) }
  }
  body, _ := json.Marshal(map[string]any{"data": feedback})
  answer, err := http.Post(base + "/output/feedback", "application/json", bytes.NewReader(body))
  if err != nil { panic(err) }
  fmt.Println(answer.StatusCode)
}
`;

interface Flow {
  readonly language: string;
  readonly type: string;
  readonly files: Record<string, string>;
  readonly command: string;
  readonly inputs: Record<string, { rows: Record<string, string>[] }>;
  readonly stream: 'output' | 'feedback';
  readonly rows: Record<string, string>[];
}

const FLOWS: readonly Flow[] = [
  {
    language: 'Python',
    type: 'datasource',
    files: {
      'main.py': PYTHON,
      Dockerfile: 'FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\nUSER nobody\nCMD ["python3", "main.py"]\n',
    },
    command: 'python3 main.py',
    inputs: {},
    stream: 'output',
    rows: [1, 2, 3].map((n) => ({ id: String(n), name: `Product ${n}` })),
  },
  {
    language: 'Node',
    type: 'data-service',
    files: {
      'main.mjs': NODE,
      Dockerfile: 'FROM node:24-slim\nWORKDIR /app\nCOPY . .\nUSER node\nCMD ["node", "main.mjs"]\n',
    },
    command: 'node main.mjs',
    inputs: { input: { rows: ROWS } },
    stream: 'output',
    rows: ROWS.map((row) => ({ ...row, upper: row.name.toUpperCase() })),
  },
  {
    language: 'PHP',
    type: 'export',
    files: {
      'main.php': PHP,
      Dockerfile: 'FROM php:8.2-cli\nWORKDIR /app\nCOPY . .\nCMD ["php", "main.php"]\n',
    },
    command: 'php main.php',
    inputs: { input: { rows: ROWS } },
    stream: 'feedback',
    rows: ROWS.map(({ id }) => ({ id, status: 'accepted' })),
  },
  {
    language: 'Go',
    type: 'export-delta',
    files: {
      'main.go': GO,
      Dockerfile:
        'FROM golang:1.19 AS build\nWORKDIR /src\nCOPY main.go .\nRUN CGO_ENABLED=0 go build -o /connector main.go\nFROM debian:bookworm-slim\nCOPY --from=build /connector /usr/local/bin/connector\nCMD ["connector"]\n',
    },
    command: 'connector',
    inputs: {
      new: { rows: [ROWS[0]!] },
      modified: { rows: [] },
      deleted: { rows: [ROWS[1]!] },
      unchanged: { rows: [] },
    },
    stream: 'feedback',
    rows: [
      { id: '1', action: 'new' },
      { id: '2', action: 'deleted' },
    ],
  },
];

const REGISTRY = {
  address: '127.0.0.1:5000',
  credentials: { username: 'slipway', password: 'slipway-test' },
};

describeWith('docker info', 'curl -s http://127.0.0.1:5000/v2/')('connectors in containers', () => {
  const roots: string[] = [];
  afterAll(() => removeImages(roots));

  test.each(FLOWS)(
    '$language, a $type: built from its Dockerfile, checked, pushed, run',
    async ({ files, command, type, inputs, stream, rows }) => {
      const root = temporaryFolder();
      roots.push(root);
      const engine: Engine = await makeEngine('docker', root, { registry: REGISTRY });
      const url = makeRepository(root, files);
      const identity = identityOf(crypto.randomUUID());
      const connector = { id: identity.connectorId, version: '1.0.0' };
      const built = build(engine, { url }, { connector, command, healthCheck: 'health', timeoutMs: 120_000 });
      const { digest } = await built.result;
      expect(built.steps.filter(({ status }) => status === 'done').map(({ name }) => name)).toEqual([
        'prepare',
        'clone',
        'check',
        'image',
        'health',
        'push',
      ]);
      // What was pushed is what is run, also on a machine that has only the registry.
      await removeImages([root]);
      const folder = join(root, 'run-folders', identity.runId);
      const ran = await run(engine, root, digest, command, {
        identity,
        sidecar: planOf(folder, identity.runId, { connector: { type }, inputs }),
      });
      expect(ran.result).toMatchObject({ state: 'finished', exitCode: 0, failure: null });
      expect(ran.of('stdout').at(0)).toMatch(/201/);
      expect(readRows(join(folder, 'output', stream))).toEqual(rows);
      expect(await leftovers(root)).toEqual([]);
    },
    180_000,
  );
});

/** The rows of an output stream with one column set. */
function readRows(path: string): Record<string, string>[] {
  return readFileSync(`${path}.1.ndjson`, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line));
}
