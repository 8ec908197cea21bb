import { IncomingMessage } from 'node:http';

/** What is known about a request before it is routed. */
export interface Arrival {
  readonly requestId: string;
  /** As it is recorded: path and query as received, or the whole target when it names another host. */
  readonly uri: string;
  readonly path: string;
  readonly query: string;
}

/** A request as the server makes it. */
export class ArrivedRequest extends IncomingMessage {
  arrival: Arrival | null = null;
}
