const host = '[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\\d{1,5})?';
const part = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';

/** Name of a container image: `[host[:port]/]path[:tag][@digest]`. */
export const imageReference = new RegExp(
  `^(?:${host}/)?${part}(?:/${part})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$`,
);
