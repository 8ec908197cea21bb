import { expect, test } from 'vitest';
import { parseDockerfile } from './dockerfile.ts';

test('an entry point of the final stage is found with its line', () => {
  const file = parseDockerfile('FROM a\nRUN x\nentrypoint ["/run"]\nCMD ["y"]\n');
  expect(file).toMatchObject({ entrypointLine: 3, hasCommand: true, problems: [] });
});

test('an entry point of an earlier stage does not count, not even when the final stage builds on it', () => {
  const file = parseDockerfile('FROM a AS Base\nENTRYPOINT x\nENV A=1\nCMD x\nFROM base\n');
  expect(file).toMatchObject({ entrypointLine: null, hasCommand: true, environment: { A: '1' } });
});

test('comments, continued lines and here-documents are no instructions', () => {
  const text = [
    '# ENTRYPOINT a',
    'FROM --platform=linux/amd64 a',
    'RUN echo one \\',
    '  # a comment in between',
    '',
    '  ENTRYPOINT two',
    'RUN <<EOF',
    'ENTRYPOINT three',
    'EOF',
    'COPY <<-"END" <<OTHER /x',
    'ENTRYPOINT four',
    '\tEND',
    'CMD five',
    'OTHER',
  ].join('\r\n');
  expect(parseDockerfile(text)).toMatchObject({ entrypointLine: null, hasCommand: false, problems: [] });
});

test('the escape directive changes what continues a line', () => {
  const text = '# escape=`\nFROM a\nRUN x `\nENTRYPOINT y\nCMD c:\\\n';
  expect(parseDockerfile(text)).toMatchObject({ entrypointLine: null, hasCommand: true });
});

test('ENV is read in both spellings, with quotes and variables', () => {
  const text = [
    'ARG VERSION=3',
    'FROM a',
    'ARG VERSION',
    'ARG NAME=x',
    `ENV A=1 B="two \\"words\\"" C='$A' D=a\\ b`,
    'ENV E everything   else',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the syntax of Dockerfiles
    'ENV F=$A/$VERSION G=${NAME:-y}-${MISSING:-z} H=\\$A I=${A:+set}',
  ].join('\n');
  expect(parseDockerfile(text).environment).toEqual({
    A: '1',
    B: 'two "words"',
    C: '$A',
    D: 'a b',
    E: 'everything   else',
    F: '1/3',
    G: 'x-z',
    H: '$A',
    I: 'set',
  });
});

test('what is no Dockerfile is told with its line', () => {
  expect(parseDockerfile('').problems).toEqual([{ line: 1, text: 'The Dockerfile has no FROM.' }]);
  expect(parseDockerfile('FROM a\n%%%').problems).toEqual([
    { line: 2, text: 'This line is no instruction.' },
  ]);
  expect(parseDockerfile('CMD x\nFROM a').problems).toEqual([
    { line: 1, text: 'CMD before the first FROM.' },
  ]);
});
