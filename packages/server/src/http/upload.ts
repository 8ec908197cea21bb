import type { MultipartFile } from '@fastify/multipart';
import { messages } from '@slipway/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Refusal } from '../errors.ts';

/**
 * Reads the first file of a form.
 *
 * @returns its bytes; null when the form has no file, or is broken; `too-large` as soon as it goes over the limit
 */
export type Upload = () => Promise<Buffer | null | 'too-large'>;

/** What a form may have beside its file: it is read away, so it has to be little. */
export const uploadLimits = {
  fields: 20,
  fieldSize: 64 * 1024,
  fieldNameSize: 255,
  headerPairs: 50,
  parts: 21,
};

/**
 * The body's form (step 5 of the order of checks). No body at all is a form without a file.
 *
 * @throws 415 for every other content type
 */
export function requireMultipart(request: FastifyRequest): void {
  if (request.headers['content-type'] === undefined || request.isMultipart()) return;
  throw new Refusal(415, { message: messages.unsupportedMediaType, errors: [] });
}

/** A form can be read once; whoever asks again gets what was read. */
const read = new WeakMap<FastifyRequest, ReturnType<Upload>>();

/**
 * The file arrives when the verb asks for it: by then everything that comes before it has been checked. (An
 * `Idempotency-Key` asks first, to know whether it is the same request.)
 */
export const uploadOf =
  (request: FastifyRequest, reply: FastifyReply, maxBytes: number): Upload =>
  () => {
    const file = read.get(request) ?? readUpload(request, reply, maxBytes);
    read.set(request, file);
    return file;
  };

async function readUpload(
  request: FastifyRequest,
  reply: FastifyReply,
  maxBytes: number,
): ReturnType<Upload> {
  if (!request.isMultipart()) return null;
  const file = await firstFile(request, maxBytes);
  if (!file) return null;
  try {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of file.file) {
      bytes += chunk.length;
      if (bytes > maxBytes) {
        // The answer goes out now; whatever else the client would send is not waited for.
        reply.header('connection', 'close');
        return 'too-large';
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (error) {
    if (isBroken(error)) return null;
    throw error;
  }
}

async function firstFile(request: FastifyRequest, maxBytes: number): Promise<MultipartFile | undefined> {
  try {
    // One byte more than may be, so that going over shows.
    return await request.file({
      limits: { ...uploadLimits, fileSize: maxBytes + 1 },
      throwFileSizeLimit: false,
    });
  } catch (error) {
    if (isBroken(error)) return undefined;
    throw error;
  }
}

/** The form is not one, or has more parts than a form with one file needs: faults of the client, not ours. */
const isBroken = (error: unknown): boolean => {
  const { code, message } = error as { code?: unknown; message?: string };
  return (
    (typeof code === 'string' && /^FST_(?:FILES|PARTS|FIELDS|PROTO|INVALID_MULTIPART)/.test(code)) ||
    /multipart|unexpected end|part terminated|malformed/i.test(message ?? '')
  );
};
