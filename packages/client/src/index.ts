export type { Answer, Call } from './call.ts';
export { type ClientOptions, createClient } from './client.ts';
export { ApiError, ConnectionError } from './errors.ts';
export type { LogEvent, LogStream, StateEvent } from './events.ts';
export { changeGuarded } from './guarded.ts';
export type { Downloads, Lines, List, Page } from './list.ts';
export type { TokenProvider } from './tokens.ts';
export type { CallOptions, Client, InputOf, OperationName, ResultOf } from './types.ts';
export { type WaitOptions, waitForProcess, waitForRun, waitForState } from './waiting.ts';
