import { Agent, request } from 'node:http';

interface Load {
  url: string;
  method?: 'GET' | 'POST';
  headers?: Record<string, string>;
  body?: string;
  /** Requests under way at once, each over a kept-alive connection of its own. */
  connections: number;
  /** Requests in all. */
  amount: number;
}

/**
 * Sends a fixed number of requests and times them from the first byte to the last. (Load generators that run for a
 * time, and report once a second, can not resolve a round this short.)
 *
 * @returns requests a second
 * @throws when one of them was not answered with a success
 */
export async function rate({ connections, amount, ...load }: Load): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const body = load.body === undefined ? undefined : Buffer.from(load.body);
  let left = amount;
  const work = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await send(load, body, agent);
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: connections }, work));
  const seconds = (performance.now() - start) / 1000;
  agent.destroy();
  return amount / seconds;
}

function send(
  { url, method = 'GET', headers = {} }: Omit<Load, 'connections' | 'amount'>,
  body: Buffer | undefined,
  agent: Agent,
) {
  const all =
    body === undefined
      ? headers
      : { 'content-type': 'application/json', 'content-length': body.length, ...headers };
  return new Promise<void>((resolve, reject) => {
    request(url, { method, headers: all, agent }, (response) => {
      const status = response.statusCode ?? 0;
      response.resume().once('end', () => {
        if (status >= 200 && status < 300) resolve();
        else reject(new Error(`${method} ${url} answered ${status}`));
      });
    })
      .once('error', reject)
      .end(body);
  });
}
