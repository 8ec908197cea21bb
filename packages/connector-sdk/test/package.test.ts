import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as sdk from '@slipway/connector-sdk';
import { type Change, connect, type Row } from '@slipway/connector-sdk';
import { expect, expectTypeOf, test } from 'vitest';
import { pythonSdk } from './programs.ts';

const root = join(import.meta.dirname, '..');
const run = promisify(execFile);

test('the package stands alone: no dependencies, nothing imported but Node', async () => {
  const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  expect(manifest.dependencies).toBeUndefined();
  expect(manifest.private).toBeUndefined();
  for (const file of await readdir(join(root, 'src'))) {
    const text = await readFile(join(root, 'src', file), 'utf8');
    const specifiers = [...text.matchAll(/^(?:import|export|\}) .*from '([^']+)';$/gm)].map(
      (match) => match[1]!,
    );
    expect(
      specifiers.filter((specifier) => !/^(?:node:|\.\/[a-z-]+\.js$)/.test(specifier)),
      file,
    ).toEqual([]);
    expect(text, file).toMatch(/^\/\/ @ts-check\n/);
  }
});

test('what is published is what an import needs, and no more', async () => {
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json'], { cwd: root });
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  const sources = (await readdir(join(root, 'src'))).map((file) => `src/${file}`);
  expect(files.map(({ path }) => path).sort()).toEqual(
    ['README.md', 'package.json', 'types.d.ts', ...sources].sort(),
  );
});

test('everything that is declared is there', async () => {
  const declared = (await readFile(join(root, 'types.d.ts'), 'utf8')).matchAll(
    /^export (?:class|function) (\w+)/gm,
  );
  expect(Object.keys(sdk).sort()).toEqual([...declared].map((match) => match[1]).sort());
});

test('rows are typed by their columns', () => {
  const { read, changes, writer, settings, close } = connect({ url: 'http://localhost' });
  expectTypeOf(read<'id' | 'price'>('input')).toEqualTypeOf<sdk.RowReader<'id' | 'price'>>();
  expectTypeOf(changes<'id'>()).toEqualTypeOf<AsyncIterable<Change<'id'>>>();
  expectTypeOf<Row<'id'>>().toEqualTypeOf<{ id: string }>();
  expectTypeOf(writer<{ id: number }>('feedback').write)
    .parameter(0)
    .toEqualTypeOf<{ id: number } | readonly { id: number }[]>();
  expectTypeOf(settings.number('limit')).toEqualTypeOf<number | undefined>();
  expectTypeOf(settings.number('limit', 1)).toEqualTypeOf<number>();
  void close();
});

test('two loops over one stream at a time, and batches without a size, are refused', async () => {
  const { read, writer } = connect({ url: 'http://127.0.0.1:9', retryMs: 0 });
  const reading = read('input')[Symbol.asyncIterator]().next();
  await expect(read('input')[Symbol.asyncIterator]().next()).rejects.toThrow(
    'The stream "input" is being read already: one loop has to end before the next one begins.',
  );
  await expect(reading).rejects.toThrow(sdk.UnreachableError);
  await expect(read('input').batches(0)[Symbol.asyncIterator]().next()).rejects.toThrow(
    'The size of a batch should be 1 or more.',
  );
  expect(() => writer('output', { batchRows: 0 })).toThrow('The rows of a batch should be 1 or more.');
  expect(() => writer('output', { batchBytes: 0.5 })).toThrow('The bytes of a batch should be 1 or more.');
});

test('the Python package has the syntax of Python 3.9 and the standard library alone', async () => {
  const check = [
    'import ast, pathlib, sys',
    'for file in sorted(pathlib.Path(sys.argv[1]).glob("*.py")):',
    '    tree = ast.parse(file.read_text("utf-8"), feature_version=(3, 9))',
    '    for node in ast.walk(tree):',
    '        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else (',
    '            [node.module] if isinstance(node, ast.ImportFrom) and node.level == 0 else [])',
    '        for name in names:',
    '            if name.split(".")[0] not in sys.stdlib_module_names: print(file.name, name)',
  ].join('\n');
  const { stdout } = await run('python3', ['-c', check, join(pythonSdk, 'slipway_connector')]);
  expect(stdout).toBe('');
});
