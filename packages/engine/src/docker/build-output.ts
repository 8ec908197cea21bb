import protobuf from 'protobufjs';
import type { EngineLogLevel } from '../log.ts';
import { LineSplitter } from '../run/line-splitter.ts';

/*
 * What a build says. BuildKit sends its own status messages (`moby.buildkit.v1.StatusResponse` of its `control.proto`, in
 * base64) inside the JSON lines of the Docker Engine API; older builders send text. Both are read.
 */

/** The fields of BuildKit's status that are of use here. */
const STATUS = protobuf.Root.fromJSON({
  nested: {
    Status: {
      fields: {
        vertexes: { rule: 'repeated', type: 'Vertex', id: 1 },
        logs: { rule: 'repeated', type: 'Log', id: 3 },
        warnings: { rule: 'repeated', type: 'Warning', id: 4 },
      },
    },
    Vertex: {
      fields: {
        digest: { type: 'string', id: 1 },
        name: { type: 'string', id: 3 },
        cached: { type: 'bool', id: 4 },
        started: { type: 'Timestamp', id: 5 },
        completed: { type: 'Timestamp', id: 6 },
        error: { type: 'string', id: 7 },
      },
    },
    Log: {
      fields: {
        vertex: { type: 'string', id: 1 },
        stream: { type: 'int64', id: 3 },
        msg: { type: 'bytes', id: 4 },
      },
    },
    Warning: { fields: { short: { type: 'bytes', id: 3 } } },
    Timestamp: { fields: { seconds: { type: 'int64', id: 1 }, nanos: { type: 'int32', id: 2 } } },
  },
}).lookupType('Status');

interface Time {
  readonly seconds: number;
  readonly nanos: number;
}

interface Status {
  readonly vertexes?: {
    readonly digest: string;
    readonly name: string;
    readonly cached?: boolean;
    readonly started?: Time;
    readonly completed?: Time;
    readonly error?: string;
  }[];
  readonly logs?: { readonly vertex: string; readonly stream?: number; readonly msg: Uint8Array }[];
  readonly warnings?: { readonly short: Uint8Array }[];
}

/** One JSON line of the daemon. */
interface Message {
  readonly id?: string;
  readonly aux?: unknown;
  readonly stream?: string;
  readonly status?: string;
  readonly error?: string;
  readonly errorDetail?: { readonly message?: string; readonly code?: number };
}

/** A build that the daemon gave up. */
export interface BuildFailure {
  readonly message: string;
  /** Of the step that failed; 1 where no program had one. */
  readonly exitCode: number;
}

/** Turns the stream of a build into log lines, in order, and knows how it ended. */
export class BuildOutput {
  readonly #say: (level: EngineLogLevel, text: string) => void;
  readonly #splitters = new Map<string, LineSplitter>();
  readonly #started = new Set<string>();
  readonly #ended = new Set<string>();
  #image: string | null = null;
  #failure: BuildFailure | null = null;

  constructor(say: (level: EngineLogLevel, text: string) => void) {
    this.#say = say;
  }

  /** `sha256:…` of the image, once it is there. */
  get image(): string | null {
    return this.#image;
  }

  get failure(): BuildFailure | null {
    return this.#failure;
  }

  /** Takes one line of the daemon's answer. */
  take(line: string): void {
    if (line.trim() === '') return;
    const message = JSON.parse(line) as Message;
    if (message.id === 'moby.buildkit.trace') this.#takeStatus(String(message.aux ?? ''));
    else if (typeof message.aux === 'object')
      this.#image = (message.aux as { ID?: string })?.ID ?? this.#image;
    if (message.stream !== undefined) this.#print('', Buffer.from(withoutColours(message.stream)));
    if (message.error !== undefined || message.errorDetail !== undefined) this.#fail(message);
  }

  /** Hands over lines without a break at their end. */
  end(): void {
    for (const splitter of this.#splitters.values()) splitter.end();
  }

  #takeStatus(base64: string): void {
    const decoded = STATUS.decode(Buffer.from(base64, 'base64'));
    const status = STATUS.toObject(decoded, { longs: Number }) as Status;
    for (const vertex of status.vertexes ?? []) {
      const { digest, name, started, completed, cached, error } = vertex;
      if (started && !this.#started.has(digest)) {
        this.#started.add(digest);
        this.#say('info', name);
      }
      if (!completed || this.#ended.has(digest)) continue;
      this.#ended.add(digest);
      this.#splitters.get(digest)?.end();
      // The error of a step is told by the end of the whole build.
      if (error) continue;
      if (cached) this.#say('info', `CACHED ${name}`);
      else if (started) this.#say('info', `DONE ${secondsBetween(started, completed)} s ${name}`);
    }
    for (const { vertex, msg } of status.logs ?? []) this.#print(vertex, Buffer.from(msg));
    for (const { short } of status.warnings ?? []) this.#say('warning', Buffer.from(short).toString());
  }

  #print(from: string, bytes: Buffer): void {
    let splitter = this.#splitters.get(from);
    if (!splitter) {
      splitter = new LineSplitter((line) => line !== '' && this.#say('info', line));
      this.#splitters.set(from, splitter);
    }
    splitter.write(bytes);
  }

  #fail(message: Message): void {
    if (this.#failure) return;
    const text = message.errorDetail?.message ?? message.error ?? 'the build failed';
    const code = message.errorDetail?.code ?? Number(/(?:exit|non-zero) code: (\d+)/.exec(text)?.[1] ?? 1);
    this.#failure = { message: text, exitCode: code === 0 ? 1 : code };
  }
}

const secondsBetween = (from: Time, to: Time): string =>
  (to.seconds - from.seconds + (to.nanos - from.nanos) / 1e9).toFixed(1);

/** The old builder paints what programs write to stderr. */
function withoutColours(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the control characters are what is looked for
  return text.replace(/\u001b\[[0-9;]*m/g, '');
}
