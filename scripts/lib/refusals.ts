import type { Refusal } from '../../packages/contract/src/index.ts';

/** Is the answer this refusal? Numbers, states and names in its texts are those of the case. */
export function isRefusal({ status, body }: Refusal, answer: { status: number; body: unknown }): boolean {
  const { message = '', errors = {} } = (answer.body ?? {}) as {
    message?: string;
    errors?: Record<string, string>;
  };
  if (answer.status !== status || !patternOf(body.message).test(message)) return false;
  return Object.entries(body.errors ?? {}).every(([key, text]) =>
    Object.entries(errors).some(([given, told]) => patternOf(key).test(given) && patternOf(text).test(told)),
  );
}

/** Where texts end in a name or list of the case. */
const open =
  /(entity is |of type |are not int: |in the store: |don't exist: |can not grant: |Connector: |environment |Run is already )[^"]*$/;

function patternOf(declared: string): RegExp {
  const escaped = declared
    .replace(open, '$1\u0000')
    .replace(/<[^>]+>|"[^"]*"|(?<=^Branch )\S+/g, '\u0000')
    .replace(/\d+(?:[.,]\d+)*/g, '\u0001')
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('\u0000', '.+').replaceAll('\u0001', '[\\d.,]+')}$`, 's');
}
