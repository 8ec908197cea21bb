import { ConnectionError } from './errors.ts';

/** One page of a list. */
export interface Page<Item> {
  items: Item[];
  metadata: {
    /** Position of the first item. */
    from: number;
    limit: number;
    count: number;
    /** All that match. */
    total: number;
    /** Address of the next page; null on the last one. */
    next: string | null;
  };
  headers: Headers;
}

/**
 * A list. Nothing is asked for before it is used: awaited it gives its first page, iterated all its items, page by page.
 *
 * @example
 * const { items, metadata } = await client.connectorList();
 * for await (const connector of client.connectorList({ query: { type: 'export' } })) …
 */
export interface List<Item> extends PromiseLike<Page<Item>>, AsyncIterable<Item> {
  /** The pages, from the asked one on. */
  pages(): AsyncGenerator<Page<Item>, void, undefined>;
}

/** A list that is also sent as newline-delimited JSON. */
export interface Lines<Item> {
  /** All items in one answer, as they arrive: no matter how many, one at a time is held. */
  lines(): AsyncGenerator<Item, void, undefined>;
}

/** A list that is also sent as a file. */
export interface Downloads<Type extends string> {
  /** The answer in one of its forms, to be read or stored as it arrives. */
  download(type: Type): Promise<Response>;
}

/** How a list is fetched. */
export interface ListSource {
  operation: string;
  /** One page: the first, or the one at `metadata.next`. */
  page(next: string | null): Promise<Page<unknown>>;
  stream(type: string): Promise<Response>;
  follow(lastEventId?: number): AsyncGenerator<unknown, void, undefined>;
}

/** A list of any operation; which of its ways there are, the operation's type says. */
export class AnyList implements List<unknown>, Lines<unknown>, Downloads<string> {
  readonly #source: ListSource;
  #first: Promise<Page<unknown>> | null = null;

  constructor(source: ListSource) {
    this.#source = source;
  }

  // biome-ignore lint/suspicious/noThenProperty: a list is awaited for its first page, and iterated or streamed without one
  then<A = Page<unknown>, B = never>(
    onPage?: ((page: Page<unknown>) => A | PromiseLike<A>) | null,
    onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): PromiseLike<A | B> {
    this.#first ??= this.#source.page(null);
    return this.#first.then(onPage, onError);
  }

  async *pages(): AsyncGenerator<Page<unknown>, void, undefined> {
    let next: string | null = null;
    do {
      const page = await this.#source.page(next);
      yield page;
      next = page.metadata.next;
    } while (next !== null);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<unknown, void, undefined> {
    for await (const { items } of this.pages()) yield* items;
  }

  async *lines(): AsyncGenerator<unknown, void, undefined> {
    const response = await this.download('application/x-ndjson');
    yield* readLines(this.#source.operation, response);
  }

  download(type: string): Promise<Response> {
    return this.#source.stream(type);
  }

  follow(lastEventId?: number): AsyncGenerator<unknown, void, undefined> {
    return this.#source.follow(lastEventId);
  }
}

/** The JSON of each line. @throws ConnectionError when the connection breaks before the last line */
async function* readLines(operation: string, response: Response): AsyncGenerator<unknown> {
  const decoder = new TextDecoder();
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      const text = rest + decoder.decode(value, { stream: !done });
      const lines = text.split('\n');
      rest = lines.pop() as string;
      for (const line of lines) yield JSON.parse(line);
      if (done) break;
    }
    if (rest !== '') yield JSON.parse(rest);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new ConnectionError(operation, 'The stream of lines broke.', { cause: error, timedOut: false });
  } finally {
    await reader.cancel().catch(() => {});
  }
}
