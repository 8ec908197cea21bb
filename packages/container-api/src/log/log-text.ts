/** Bytes that a log message and a log context may have (container-api.md 2.6); the rest is cut off. */
export const TEXT_LIMIT = 64 * 1024;

/** Cuts a text to so many bytes of UTF-8, at the border of a character; U+0000 becomes U+FFFD. */
export function fitMessage(text: string, limit = TEXT_LIMIT): string {
  const clean = text.includes('\0') ? text.replaceAll('\0', '\ufffd') : text;
  // No UTF-16 unit needs more than three bytes.
  if (clean.length * 3 <= limit) return clean.toWellFormed();
  const bytes = Buffer.from(clean, 'utf8');
  if (bytes.length <= limit) return clean.toWellFormed();
  let end = limit;
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}

/**
 * JSON text of a context that fits the limit: fields are kept as long as they fit, a text that does not fit is cut, and
 * the rest is left out.
 */
export function fitContext(context: Readonly<Record<string, unknown>>, limit = TEXT_LIMIT): string {
  const whole = cleanJson(JSON.stringify(context));
  if (Buffer.byteLength(whole) <= limit) return whole;
  const fields: string[] = [];
  let size = 2;
  for (const [key, value] of Object.entries(context)) {
    const name = `${JSON.stringify(key)}:`;
    const room = limit - size - Buffer.byteLength(name) - 1;
    const text = cleanJson(JSON.stringify(value));
    const fits = Buffer.byteLength(text) <= room;
    if (!fits && typeof value !== 'string') break;
    // Escapes make a text up to six times as long; a cut text needs to fit, not to fill.
    const field = fits
      ? text
      : cleanJson(JSON.stringify(fitMessage(value as string, Math.max(0, Math.floor(room / 6) - 2))));
    fields.push(name + field);
    if (!fits) break;
    size += Buffer.byteLength(name) + Buffer.byteLength(field) + 1;
  }
  return `{${fields.join()}}`;
}

/** In stored texts U+0000 becomes U+FFFD, in keys too. */
function cleanJson(text: string): string {
  if (!text.includes('\\u0000')) return text;
  return text.replaceAll(/\\(u0000|.)/g, (all, what: string) => (what === 'u0000' ? '\ufffd' : all));
}
