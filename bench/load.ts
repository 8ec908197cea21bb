import autocannon from 'autocannon';

interface Load {
  url: string;
  method?: 'GET' | 'POST';
  headers?: Record<string, string>;
  body?: string | Buffer;
  connections: number;
  /** Requests in all. */
  amount: number;
}

/**
 * Sends the requests over kept-alive connections.
 *
 * @returns requests a second
 * @throws when one of them was not answered with a success
 */
export async function rate({
  url,
  method = 'GET',
  headers = {},
  body,
  connections,
  amount,
}: Load): Promise<number> {
  const start = performance.now();
  const result = await autocannon({
    url,
    method,
    headers: body === undefined ? headers : { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body }),
    connections,
    amount,
  });
  const seconds = (performance.now() - start) / 1000;
  if (result.non2xx > 0 || result.errors > 0) {
    throw new Error(`${method} ${url}: ${result.non2xx} refusals, ${result.errors} errors`);
  }
  return amount / seconds;
}
