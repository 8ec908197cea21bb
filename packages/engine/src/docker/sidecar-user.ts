/** Where the server is the superuser its sidecars are somebody else. */
const SIDECAR_USER = 10_001;

/** The sidecar is no superuser; where the server is none either, they are the same user, and files belong to both. */
export function sidecarUid(): number {
  const user = process.getuid?.() ?? SIDECAR_USER;
  return user === 0 ? SIDECAR_USER : user;
}

/** User and group of a sidecar, as a container is given them. */
export function sidecarUser(): string {
  const user = sidecarUid();
  return `${user}:${user === SIDECAR_USER ? user : (process.getgid?.() ?? user)}`;
}
