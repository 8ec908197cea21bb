const MAX_SEGMENT_BYTES = 255;
const MAX_PATH_BYTES = 1024;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be in a path
const NOT_ALLOWED = /[\u0000-\u001f\u007f\\]/;

/**
 * Cleans a path of a request (container-api.md 7.1): empty segments and `.` are dropped.
 *
 * @returns its segments, none for the root; null when it is not valid
 */
export function cleanPath(text: string): readonly string[] | null {
  if (NOT_ALLOWED.test(text)) return null;
  const segments = text.split('/').filter((segment) => segment !== '' && segment !== '.');
  const valid = segments.every(
    (segment) => segment !== '..' && Buffer.byteLength(segment) <= MAX_SEGMENT_BYTES,
  );
  return valid && Buffer.byteLength(segments.join('/')) <= MAX_PATH_BYTES ? segments : null;
}

/** The segments of a path of a remote file; null when it is not valid. Only a folder may end with `/`. */
export function cleanRemotePath(text: string, isFolder: boolean): readonly string[] | null {
  if (text.endsWith('/') && !isFolder) return null;
  const segments = cleanPath(text);
  return segments === null || segments.length === 0 ? null : segments;
}
