/** Versions of the Container API that this server can put beside a connector, the highest first (container-api.md). */
export const containerApiVersions = ['0.25.0'] as const;
