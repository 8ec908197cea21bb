/** Has a run in this state come to its end? */
export const isEnded = (state: string): boolean => state !== 'queued' && state !== 'running';
