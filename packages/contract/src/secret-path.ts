/** Where a secret stands: one to eight segments, 255 characters at most (3.13). */
export const secretPathPattern = /^(?=.{1,255}$)[a-z0-9][a-z0-9-]*(\/[a-z0-9][a-z0-9-]*){0,7}$/;

/**
 * The header of a secret that has no field `ini_header` (3.3.1): all segments but the last joined by `-`, then the last.
 *
 * @example iniHeaderOf('google/io/shopping') // 'google-io::shopping'
 */
export function iniHeaderOf(path: string): string {
  const segments = path.split('/');
  const last = segments.pop() as string;
  return segments.length === 0 ? last : `${segments.join('-')}::${last}`;
}
