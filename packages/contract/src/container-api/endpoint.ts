import Type, { type TSchema } from 'typebox';

/** One endpoint of the sidecar, as its reference shows it. Rules that hold for all endpoints are not repeated here. */
export interface Endpoint {
  id: string;
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With its parameters in braces. */
  path: string;
  /** Title of its group. */
  group: string;
  tag: 'documented' | 'ours';
  summary: string;
  description?: string;
  deprecated?: true;
  parameters?: readonly Parameter[];
  body?: TSchema;
  /** Rows may be sent as newline-delimited JSON too. */
  ndjsonBody?: true;
  /** Accepts `Idempotency-Key`. */
  idempotent?: true;
  success: EndpointSuccess;
  /** What it answers beside the errors that every endpoint may answer: status → when. */
  errors?: Readonly<Partial<Record<400 | 404 | 412 | 500, string>>>;
}

interface EndpointSuccess {
  status: 200 | 201 | 202 | 204;
  /** Key `message`; absent: there is no body. */
  message?: string;
  /** Key `data`; absent: there is none. */
  data?: TSchema;
  /** Newline-delimited JSON instead of the envelope. */
  ndjson?: TSchema;
  /** Another success: nothing more to read. */
  orNothing?: true;
  /** Carries the version of a checkpoint. */
  etag?: true;
}

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  schema: TSchema;
  description?: string;
}

/** A row: column → text, in column order. */
export const Row = Type.Record(Type.String(), Type.String());

export const word = (...values: string[]) => Type.Unsafe<string>({ type: 'string', enum: values });

export const path = (name: string, schema: TSchema, description?: string): Parameter => ({
  name,
  in: 'path',
  schema,
  ...(description ? { description } : {}),
});

export const query = (name: string, schema: TSchema, description: string): Parameter => ({
  name,
  in: 'query',
  schema,
  description,
});
