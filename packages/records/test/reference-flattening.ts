/** A JSON value with what `JSON.parse` loses: spelling of numbers, order and repetition of keys. */
export type Printed =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly Printed[] }
  | { readonly kind: 'object'; readonly fields: readonly (readonly [string, Printed])[] };

/** Reads JSON slowly and plainly; the text must be valid. */
export function parsePrinted(text: string): Printed {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[-+.0-9a-zA-Z]+|[[\]{},:]/g)!;
  let at = 0;
  const string = (token: string) => (JSON.parse(token) as string).toWellFormed();
  const value = (): Printed => {
    const token = tokens[at++]!;
    if (token === '[') {
      const items: Printed[] = [];
      while (tokens[at] !== ']') {
        items.push(value());
        if (tokens[at] === ',') at++;
      }
      at++;
      return { kind: 'list', items };
    }
    if (token === '{') {
      const fields: [string, Printed][] = [];
      while (tokens[at] !== '}') {
        const key = string(tokens[at]!);
        at += 2;
        fields.push([key, value()]);
        if (tokens[at] === ',') at++;
      }
      at++;
      return { kind: 'object', fields };
    }
    if (token.startsWith('"')) return { kind: 'text', text: string(token) };
    return { kind: 'text', text: token === 'null' ? '' : token };
  };
  return value();
}

/** Flattening as container-api.md 6 tells it, word by word. */
export function flattenSlowly(row: Printed, separator: string): Map<string, string> {
  const flat = new Map<string, string>();
  const walk = (value: Printed, name: string | null): void => {
    const below = (key: string) => (name === null ? key : name + separator + key);
    if (value.kind === 'text') flat.set(name!, value.text);
    else if (value.kind === 'object') {
      if (value.fields.length === 0 && name !== null) flat.set(name, '');
      for (const [key, inner] of value.fields) walk(inner, below(key));
    } else {
      if (value.items.length === 0 && name !== null) flat.set(name, '');
      for (const [index, inner] of value.items.entries()) walk(inner, below(String(index)));
    }
  };
  walk(row, null);
  return flat;
}
