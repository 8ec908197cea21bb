import { badRequest, TEXTS } from './answers.ts';

/** Reads query parameters and collects what is wrong with them (container-api.md 2.2). */
export class Query {
  /** Null for no query, as most calls have. */
  readonly #values: URLSearchParams | null;
  #errors: Record<string, string> | null = null;

  /** @param text the query as received, without the question mark */
  constructor(text: string) {
    this.#values = text === '' ? null : new URLSearchParams(text);
  }

  /** Of a repeated parameter the last one counts. */
  text(name: string): string | null {
    return this.#values?.getAll(name).at(-1) ?? null;
  }

  /** `true`, `false`, `1`, `0` in any case; empty counts as absent. */
  boolean(name: string, absent: boolean): boolean {
    const value = this.text(name)?.toLowerCase() ?? '';
    if (value === '') return absent;
    if (value === 'true' || value === '1') return true;
    if (value !== 'false' && value !== '0') this.refuse(name, TEXTS.notBoolean);
    return false;
  }

  /** An optional sign and decimal digits; null when absent. */
  integer(name: string, range?: { readonly min: number; readonly max: number }): number | null {
    const value = this.text(name);
    if (value === null) return null;
    const number = Number(value);
    if (!/^[+-]?[0-9]+$/.test(value)) {
      this.refuse(name, TEXTS.notInteger);
    } else if (range && (number < range.min || number > range.max)) {
      this.refuse(name, `This value should be between ${range.min} and ${range.max}.`);
    }
    return number;
  }

  /** Notes that a parameter is wrong. */
  refuse(name: string, text: string): void {
    this.#errors ??= {};
    this.#errors[name] = text;
  }

  /** @throws {Refusal} when any parameter read so far was wrong */
  check(): void {
    if (this.#errors) throw badRequest(this.#errors);
  }
}

/**
 * Decodes a path parameter once, as UTF-8.
 *
 * @throws {Refusal} when it can not be decoded
 */
export function decodeParameter(raw: string): string {
  if (!raw.includes('%')) return raw;
  try {
    return decodeURIComponent(raw);
  } catch {
    throw badRequest({ path: TEXTS.notValid });
  }
}
