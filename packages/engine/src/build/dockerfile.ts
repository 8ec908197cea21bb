/** What the checks of a build need to know about a Dockerfile. */
export interface Dockerfile {
  /** Line of the `ENTRYPOINT` in the final stage, from 1; null when there is none. */
  readonly entrypointLine: number | null;
  readonly hasCommand: boolean;
  /** `ENV` of the final stage, in order; values may use variables that stand before them. */
  readonly environment: Readonly<Record<string, string>>;
  /** Problems that make the file unusable: line from 1, and a text. */
  readonly problems: readonly { readonly line: number; readonly text: string }[];
}

interface Instruction {
  readonly line: number;
  readonly name: string;
  readonly rest: string;
}

interface Stage {
  readonly name: string | null;
  entrypointLine: number | null;
  hasCommand: boolean;
  environment: Record<string, string>;
}

/**
 * Reads a Dockerfile as far as its checks need it: comments, the `escape` directive, continued lines, here-documents,
 * stages that build on earlier ones, `ARG` defaults and `ENV` in both spellings.
 *
 * An `ENTRYPOINT` counts only in the final stage itself. `CMD` and `ENV` are inherited from earlier stages of the file,
 * as Docker does; what a base image brings along can not be known here.
 */
export function parseDockerfile(text: string): Dockerfile {
  const { instructions, problems } = readInstructions(text);
  const stages: Stage[] = [];
  const globals: Record<string, string> = {};
  let locals: Record<string, string> = {};
  for (const { line, name, rest } of instructions) {
    const stage = stages.at(-1);
    if (name === 'FROM') {
      stages.push(openStage(rest, stages));
      locals = {};
    } else if (name === 'ARG') {
      const [key = '', value] = splitPair(rest);
      // Without a default an argument of a stage takes the one from before the first FROM.
      const known = value === undefined ? globals[key] : substitute(value, { ...globals, ...locals });
      if (known !== undefined) (stage ? locals : globals)[key] = known;
    } else if (!stage) {
      problems.push({ line, text: `${name} before the first FROM.` });
    } else if (name === 'ENTRYPOINT') {
      stage.entrypointLine = line;
    } else if (name === 'CMD') {
      stage.hasCommand = true;
    } else if (name === 'ENV') {
      const scope = { ...locals, ...stage.environment };
      for (const [key, value] of environmentPairs(rest)) stage.environment[key] = substitute(value, scope);
    }
  }
  const final = stages.at(-1);
  if (!final) problems.push({ line: 1, text: 'The Dockerfile has no FROM.' });
  return {
    entrypointLine: final?.entrypointLine ?? null,
    hasCommand: final?.hasCommand ?? false,
    environment: final?.environment ?? {},
    problems,
  };
}

function openStage(rest: string, stages: readonly Stage[]): Stage {
  const words = rest.split(/\s+/).filter((word) => !word.startsWith('--'));
  const name = words[1]?.toUpperCase() === 'AS' ? (words[2]?.toLowerCase() ?? null) : null;
  const base = stages.findLast((stage) => stage.name !== null && stage.name === words[0]?.toLowerCase());
  return {
    name,
    entrypointLine: null,
    hasCommand: base?.hasCommand ?? false,
    environment: { ...base?.environment },
  };
}

function readInstructions(text: string): {
  instructions: Instruction[];
  problems: { line: number; text: string }[];
} {
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/);
  const escapeCharacter = /^#\s*escape\s*=\s*`\s*$/i.test(lines[0] ?? '') ? '`' : '\\';
  const continued = new RegExp(`${escapeCharacter === '`' ? '`' : '\\\\'}[ \\t]*$`);
  const instructions: Instruction[] = [];
  const problems: { line: number; text: string }[] = [];
  for (let index = 0; index < lines.length; index += 1) {
    if (isBlankOrComment(lines[index]!)) continue;
    const begin = index;
    let joined = lines[index]!;
    // Comments and empty lines between continued lines are dropped.
    while (continued.test(joined) && index + 1 < lines.length) {
      joined = joined.replace(continued, '');
      index += 1;
      while (index < lines.length - 1 && isBlankOrComment(lines[index]!)) index += 1;
      if (!isBlankOrComment(lines[index]!)) joined += lines[index];
    }
    const match = /^\s*([A-Za-z]+)(?:\s+([\s\S]*))?$/.exec(joined);
    if (!match) {
      problems.push({ line: begin + 1, text: 'This line is no instruction.' });
      continue;
    }
    const name = match[1]!.toUpperCase();
    instructions.push({ line: begin + 1, name, rest: (match[2] ?? '').trim() });
    if (['RUN', 'COPY', 'ADD'].includes(name)) {
      for (const document of hereDocuments(joined)) index = endOfDocument(lines, index, document);
    }
  }
  return { instructions, problems };
}

function isBlankOrComment(line: string): boolean {
  return /^\s*(#|$)/.test(line);
}

/** End marks of the here-documents that an instruction opens, such as `<<EOF` or `<<-"END"`. */
function hereDocuments(instruction: string): { mark: string; indented: boolean }[] {
  return [...instruction.matchAll(/(?<!<)<<(-?)(["']?)([A-Za-z_][A-Za-z0-9_.]*)\2/g)].map((match) => ({
    mark: match[3]!,
    indented: match[1] === '-',
  }));
}

function endOfDocument(
  lines: readonly string[],
  from: number,
  document: { mark: string; indented: boolean },
): number {
  for (let index = from + 1; index < lines.length; index += 1) {
    const line = document.indented ? lines[index]!.replace(/^\t+/, '') : lines[index]!;
    if (line === document.mark) return index;
  }
  return from;
}

function splitPair(text: string): [string, string?] {
  const equals = text.indexOf('=');
  return equals < 0 ? [text.trim()] : [text.slice(0, equals).trim(), unquote(text.slice(equals + 1).trim())];
}

/** `ENV a=1 b="two words"` or the old `ENV a everything else`. */
function environmentPairs(text: string): [string, string][] {
  const first = /^[^\s=]+/.exec(text)?.[0] ?? '';
  if (text[first.length] !== '=') return first === '' ? [] : [[first, text.slice(first.length).trim()]];
  const pairs: [string, string][] = [];
  for (const match of text.matchAll(/([^\s=]+)=((?:"(?:\\[\s\S]|[^"\\])*"|'[^']*'|\\[\s\S]|[^\s"'\\])*)/g)) {
    pairs.push([match[1]!, unquote(match[2]!)]);
  }
  return pairs;
}

/** Marks a dollar sign that is text and no variable. */
const LITERAL_DOLLAR = '\ue000';

function unquote(text: string): string {
  return text.replace(/"((?:\\[\s\S]|[^"\\])*)"|'([^']*)'|\\([\s\S])/g, (_, double, single, escaped) => {
    if (single !== undefined) return single.replaceAll('$', LITERAL_DOLLAR);
    if (escaped !== undefined) return escaped === '$' ? LITERAL_DOLLAR : escaped;
    return double.replace(/\\(["\\$`])/g, (_match: string, char: string) =>
      char === '$' ? LITERAL_DOLLAR : char,
    );
  });
}

/** `$name`, `${name}`, `${name:-default}` and `${name:+other}`; what is unknown is empty. */
function substitute(text: string, scope: Readonly<Record<string, string>>): string {
  return text
    .replace(
      /\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(?::([-+])([^}]*))?\})/g,
      (_, plain, braced, operator, word) => {
        const value = scope[plain ?? braced] ?? '';
        if (operator === '-') return value === '' ? word : value;
        if (operator === '+') return value === '' ? '' : word;
        return value;
      },
    )
    .replaceAll(LITERAL_DOLLAR, '$');
}
