import { isExactNumber } from '@slipway/records';
import { PatternAutomaton } from './pattern-automaton.ts';
import { base64Pieces, textPieces } from './spellings.ts';

/** What a secret is replaced by. */
const MASK = '***';
/** Shorter values are not masked: they would tear apart ordinary words. */
const MIN_LENGTH = 4;

/** A text that arrives in parts. */
export interface MaskingStream {
  /** Takes the next part; answers with what is certain by now. */
  push(part: string): string;
  /** The rest: the text is over. */
  end(): string;
}

/** Replaces secrets by `***` wherever they occur, in any of the usual encodings (product.md 7, "Masking"). */
export interface Masker {
  mask(text: string): string;
  /** Masks all texts and keys of a JSON value; the value itself stays as it is. */
  maskJson<T>(value: T): T;
  /** For a text in parts: a secret is found across their borders. */
  stream(): MaskingStream;
  /** Takes one more secret, for instance a refreshed token, which counts from now on. */
  add(value: string): void;
}

/**
 * Makes a masker.
 *
 * @param values the secrets; those under 4 characters are ignored
 */
export function createMasker(values: Iterable<string>): Masker {
  const automaton = new PatternAutomaton();
  const known = new Set<string>();

  const add = (value: string): void => {
    if ([...value].length < MIN_LENGTH || known.has(value)) return;
    known.add(value);
    automaton.add(textPieces(value));
    for (const shift of [0, 1, 2] as const) automaton.add(base64Pieces(value, shift), '==');
  };
  const mask = (text: string): string => replace(automaton, text, true).masked;
  const maskJson = (value: unknown): unknown => {
    if (typeof value === 'string') return mask(value);
    if (typeof value === 'number') return mask(String(value)) === String(value) ? value : mask(String(value));
    if (Array.isArray(value)) return value.map(maskJson);
    if (value === null || typeof value !== 'object' || isExactNumber(value)) return value;
    const masked = Object.entries(value).map(([key, inner]) => [mask(key), maskJson(inner)]);
    return Object.fromEntries(masked);
  };

  for (const value of values) add(value);
  return {
    add,
    mask,
    maskJson: <T>(value: T): T => (known.size === 0 ? value : (maskJson(value) as T)),
    stream: () => {
      let held = '';
      return {
        push: (part) => {
          const { masked, rest } = replace(automaton, held + part, false);
          held = rest;
          return masked;
        },
        end: () => {
          const { masked } = replace(automaton, held, true);
          held = '';
          return masked;
        },
      };
    },
  };
}

/** Masks a text up to where a secret may have begun that only later text will show. */
function replace(
  automaton: PatternAutomaton,
  text: string,
  final: boolean,
): { masked: string; rest: string } {
  let masked = '';
  let copied = 0;
  for (let at = 0; at < text.length; at++) {
    if (!automaton.begins(text.charCodeAt(at))) continue;
    const { end, open } = automaton.match(text, at);
    if (open && !final) return { masked: masked + text.slice(copied, at), rest: text.slice(at) };
    if (end === -1) continue;
    masked += text.slice(copied, at) + MASK;
    copied = end;
    at = end - 1;
  }
  return { masked: copied === 0 ? text : masked + text.slice(copied), rest: '' };
}
