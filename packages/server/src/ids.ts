import { createHash } from 'node:crypto';
import { v7 } from 'uuid';

/** A new id: UUID version 7, so that ids made later sort later. */
export const newId = (): string => v7();

/** `sha256` of a text, as tokens are stored. */
export const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();
