/**
 * JSON text that goes into an answer as it is. PostgreSQL assembles representations; they are never parsed only to be
 * printed again.
 */
export class RawJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** The JSON text of a value; `RawJson` on its top level is taken as it is. */
export const jsonText = (value: unknown): string =>
  value instanceof RawJson ? value.text : JSON.stringify(value);
