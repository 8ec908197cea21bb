import type { Change } from '../events/audit.ts';

type Tree = Record<string, unknown>;

/** Lists of objects whose items have a name of their own: path → the key that holds it. */
const itemNames: Record<string, string> = {
  individuals: 'command-option',
  'secret-registrations': 'vault_secret',
  buckets: 'environment',
};

/** What a build, a synchronization or the clock writes, and nobody configures. */
const left = new Set(['update-progress', 'docker', 'vcs.latest-commit']);
const isTime = (key: string): boolean => key === 'created-at' || key === 'updated-at';

/**
 * What differs between two configurations, ordered by path: `application.command`, `individuals[host].field-name`. Items
 * of lists are found by their name or value, wherever they stand; one that only one side has is null on the other.
 */
export function configurationDiff(from: Tree, to: Tree): Change[] {
  const changes: Change[] = [];
  compare(from, to, '', changes);
  return changes.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

function compare(from: unknown, to: unknown, path: string, changes: Change[]): void {
  if (Array.isArray(from) || Array.isArray(to)) {
    compareLists(from, to, path, changes);
  } else if (isTree(from) || isTree(to)) {
    const [before, after] = [asTree(from), asTree(to)];
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const next = path === '' ? key : `${path}.${key}`;
      if (!left.has(next) && !isTime(key)) compare(before[key], after[key], next, changes);
    }
  } else if ((from ?? null) !== (to ?? null)) {
    changes.push({ path, from: from ?? null, to: to ?? null });
  }
}

function compareLists(from: unknown, to: unknown, path: string, changes: Change[]): void {
  const [before, after] = [byName(from, path), byName(to, path)];
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const [old, now] = [before.get(name), after.get(name)];
    const place = `${path}[${name}]`;
    if (old === undefined || now === undefined) {
      changes.push({ path: place, from: withoutTimes(old), to: withoutTimes(now) });
    } else compare(old, now, place, changes);
  }
}

function byName(list: unknown, path: string): Map<string, unknown> {
  const key = itemNames[path];
  const items: unknown[] = Array.isArray(list) ? list : [];
  return new Map(items.map((item) => [String(key && isTree(item) ? item[key] : item), item]));
}

const withoutTimes = (item: unknown): unknown =>
  isTree(item) ? Object.fromEntries(Object.entries(item).filter(([key]) => !isTime(key))) : (item ?? null);

const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const asTree = (value: unknown): Tree => (isTree(value) ? value : {});
