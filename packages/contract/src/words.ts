/**
 * Word splitting of command lines (container-api.md 8.5): as a POSIX shell splits, without any expansion.
 * One rule for the preview in the portal, for the check when a configuration is saved, and for the run itself.
 */

/** Why a text can not be split into words. */
export type WordsProblem = 'open-quote' | 'trailing-backslash';

/** Thrown by {@link splitWords} for a text that a shell would go on reading. */
export class WordsError extends Error {
  override readonly name = 'WordsError';
  readonly problem: WordsProblem;

  constructor(problem: WordsProblem) {
    super('This value has an unclosed quote.');
    this.problem = problem;
  }
}

const ESCAPABLE_IN_DOUBLE_QUOTES = new Set(['"', '\\', '$', '`']);
const SEPARATORS = new Set([' ', '\t', '\n', '\r']);

/** Length of the line break at `index`: 0 (none), 1 or, as browsers send it from a text area, 2. */
function lineBreakLength(text: string, index: number): number {
  if (text[index] === '\n') return 1;
  if (text[index] === '\r') return text[index + 1] === '\n' ? 2 : 1;
  return 0;
}

/**
 * Splits a command line into words.
 *
 * @example splitWords(`run --name="Two words"`) // ['run', '--name=Two words']
 * @throws {WordsError} when a quote stays open or the text ends with a backslash
 */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  // null = between words; '' = an empty word has begun, as `''` makes one.
  let word: string | null = null;
  let index = 0;
  while (index < text.length) {
    const char = text[index]!;
    if (char === "'") {
      const end = text.indexOf("'", index + 1);
      if (end < 0) throw new WordsError('open-quote');
      word = (word ?? '') + text.slice(index + 1, end);
      index = end + 1;
    } else if (char === '"') {
      const quoted = readDoubleQuoted(text, index + 1);
      word = (word ?? '') + quoted.value;
      index = quoted.next;
    } else if (char === '\\') {
      if (index + 1 >= text.length) throw new WordsError('trailing-backslash');
      const lineBreak = lineBreakLength(text, index + 1);
      if (lineBreak === 0) word = (word ?? '') + text[index + 1]!;
      index += 1 + Math.max(1, lineBreak);
    } else if (SEPARATORS.has(char)) {
      if (word !== null) words.push(word);
      word = null;
      index += 1;
    } else {
      word = (word ?? '') + char;
      index += 1;
    }
  }
  if (word !== null) words.push(word);
  return words;
}

/** Reads from behind an opening `"` to its closing one. */
function readDoubleQuoted(text: string, start: number): { value: string; next: number } {
  let value = '';
  let index = start;
  while (index < text.length) {
    const char = text[index]!;
    if (char === '"') return { value, next: index + 1 };
    if (char !== '\\') {
      value += char;
      index += 1;
      continue;
    }
    const following = text[index + 1];
    const lineBreak = lineBreakLength(text, index + 1);
    if (lineBreak > 0) {
      index += 1 + lineBreak;
    } else if (following !== undefined && ESCAPABLE_IN_DOUBLE_QUOTES.has(following)) {
      value += following;
      index += 2;
    } else {
      value += char;
      index += 1;
    }
  }
  throw new WordsError('open-quote');
}

/**
 * Shows words as one line that a shell would read as the same words. For display only: nothing is ever run
 * through a shell.
 *
 * @example quoteWords(['node', 'my app.js']) // `node 'my app.js'`
 */
export function quoteWords(words: readonly string[]): string {
  return words
    .map((word) => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(' ');
}
