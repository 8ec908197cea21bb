/** Is the text an absolute http or https address? User names and passwords do not belong in one. */
export function isHttpUrl(text: string): boolean {
  // `new URL` would quietly repair these.
  if (!/^https?:\/\/[^/\\\s]/i.test(text) || /\s/.test(text)) return false;
  const url = URL.parse(text);
  return url !== null && url.username === '' && url.password === '';
}

export const isHttpsUrl = (text: string): boolean => /^https:/i.test(text) && isHttpUrl(text);
