import type { Operation } from '@slipway/contract';

/** As much of a JSON Schema as declarations use. */
export interface Node {
  type?: string | string[];
  properties?: Record<string, Node>;
  required?: string[];
  additionalProperties?: boolean | Node;
  items?: Node;
  enum?: unknown[];
  format?: string;
  pattern?: string;
  maxLength?: number;
  minLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  maxProperties?: number;
  'x-texts'?: Partial<Record<'any' | 'blank' | 'type' | 'choice' | 'pattern' | 'range' | 'item', string>>;
  'x-verbatim'?: boolean;
}

export type Path = readonly (string | number)[];

/** One field of a body, at any depth: of an object, an item of a list, or a value of a map. */
export interface Field {
  path: Path;
  node: Node;
  /** Must the object around it have it? */
  required: boolean;
  /** Taken as sent, the field itself or something around it. */
  verbatim: boolean;
  /** What speaks for every wrong item of the list it is in, and the list's key. */
  list: { key: string; text: string } | null;
}

export const bodyOf = (operation: Operation): Node | undefined =>
  operation.body as unknown as Node | undefined;

export const typesOf = ({ type }: Node): string[] => (type === undefined ? [] : [type].flat());
export const isNullable = (node: Node): boolean => typesOf(node).includes('null');

/** `allow-list[2]`, `dev-defaults.account`: a field as an error names it. */
export const keyOf = (path: Path): string =>
  path.reduce<string>(
    (key, part) => (typeof part === 'number' ? `${key}[${part}]` : key === '' ? part : `${key}.${part}`),
    '',
  );

/** Every field of a body, those of objects in lists and maps too. */
export function fieldsOf(root: Node): Field[] {
  const found: Field[] = [];
  const walk = (node: Node, path: Path, verbatim: boolean): void => {
    const add = (field: Omit<Field, 'verbatim'>): void => {
      const taken = verbatim || field.node['x-verbatim'] === true;
      found.push({ ...field, verbatim: taken });
      walk(field.node, field.path, taken);
    };
    for (const [name, property] of Object.entries(node.properties ?? {})) {
      add({
        path: [...path, name],
        node: property,
        required: node.required?.includes(name) ?? false,
        list: null,
      });
    }
    if (node.items) {
      const text = node['x-texts']?.item;
      const list = text === undefined ? null : { key: keyOf(path), text };
      add({ path: [...path, 0], node: node.items, required: false, list });
    }
    if (typeof node.additionalProperties === 'object') {
      add({ path: [...path, 'some-key'], node: node.additionalProperties, required: false, list: null });
    }
  };
  walk(root, [], root['x-verbatim'] === true);
  return found;
}

/** A value that the schema takes, for places that the valid request leaves empty. */
export function sampleOf(node: Node): unknown {
  if (node.enum) return node.enum[0];
  switch (typesOf(node)[0]) {
    case 'string':
      return node.format === 'uuid' ? '00000000-0000-4000-8000-000000000000' : 'sample';
    case 'integer':
    case 'number':
      return node.minimum ?? 1;
    case 'boolean':
      return true;
    case 'array':
      return node.items && node.minItems ? [sampleOf(node.items)] : [];
    default:
      return objectOf(node);
  }
}

const objectOf = ({ required = [], properties = {} }: Node): object =>
  Object.fromEntries(required.map((name) => [name, sampleOf(properties[name] ?? {})]));

/** A copy of the body with another value at the path; what is missing on the way is made as the schema wants it. */
export function withValue(body: unknown, root: Node, path: Path, value: unknown): unknown {
  const [part, ...rest] = path;
  if (part === undefined) return value;
  if (typeof part === 'number') {
    const list = Array.isArray(body) ? [...body] : [];
    list[part] = withValue(list[part] ?? sampleOf(root.items ?? {}), root.items ?? {}, rest, value);
    return list;
  }
  const object = isObject(body) ? { ...body } : objectOf(root);
  const own = root.properties?.[part];
  const more = root.additionalProperties;
  const child = own ?? (typeof more === 'object' ? more : {});
  const present = Object.hasOwn(object, part) ? (object as Record<string, unknown>)[part] : undefined;
  // Not an assignment: `__proto__` shall be a key like any other.
  Object.defineProperty(object, part, {
    value: withValue(present, child, rest, value),
    enumerable: true,
    configurable: true,
    writable: true,
  });
  return object;
}

/** A copy of the body without the field. */
export function without(body: unknown, root: Node, path: Path): unknown {
  const parent = path.slice(0, -1);
  const name = path.at(-1) as string;
  const object = { ...(valueAt(withValue(body, root, path, null), parent) as Record<string, unknown>) };
  delete object[name];
  return withValue(body, root, parent, object);
}

const valueAt = (body: unknown, path: Path): unknown =>
  path.reduce((value, part) => (value as Record<string | number, unknown>)[part], body);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
