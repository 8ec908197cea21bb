import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quoteWords, splitWords, WordsError } from './words.ts';

test.each([
  ['main.py  data-source', ['main.py', 'data-source']],
  [`run --name 'Two words'`, ['run', '--name', 'Two words']],
  [`run --name="Two words"`, ['run', '--name=Two words']],
  ['a\\ b c', ['a b', 'c']],
  [`x '' y`, ['x', '', 'y']],
  [`x "" y`, ['x', '', 'y']],
  [`'it'\\''s'`, [`it's`]],
  [String.raw`"a \"b\" \n"`, [String.raw`a "b" \n`]],
  ['echo $HOME *.csv; ls', ['echo', '$HOME', '*.csv;', 'ls']],
  ['', []],
  [' \t\n ', []],
  ['a\r\nb', ['a', 'b']],
  ['a\\\nb', ['ab']],
  ['a \\\n b', ['a', 'b']],
  ['a\\\r\nb', ['ab']],
  ['"a\\\nb"', ['ab']],
  [String.raw`"\$ \` \\ \x"`, [String.raw`$ ${'`'} \ \x`]],
  [String.raw`'\'x`, [String.raw`\x`]],
  ['~ # | & < > = `ls`', ['~', '#', '|', '&', '<', '>', '=', '`ls`']],
])('splits %j', (text, words) => {
  expect(splitWords(text)).toEqual(words);
});

test.each([
  [`'open`, 'open-quote'],
  [`"open`, 'open-quote'],
  [`"open\\"`, 'open-quote'],
  [`"open\\`, 'open-quote'],
  ['end\\', 'trailing-backslash'],
])('refuses %j', (text, problem) => {
  let error: unknown;
  try {
    splitWords(text);
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(WordsError);
  expect(error).toMatchObject({ message: 'This value has an unclosed quote.', problem });
});

test('what is quoted is read back as the same words', () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (words) => {
      expect(splitWords(quoteWords(words))).toEqual(words);
    }),
  );
});

test('plain words are shown without quotes', () => {
  expect(quoteWords(['php', './bin/console', '--name=a,b', 'my file', '', `it's`])).toBe(
    `php ./bin/console --name=a,b 'my file' '' 'it'\\''s'`,
  );
});
