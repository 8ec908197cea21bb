/** What an image is called: the connector, without the registry it may be pushed to. */
export const imageName = (connectorId: string): string => `slipway/${connectorId}`;

/** Its tag: version and commit, for people. Runs name images by their digest. */
export const imageTag = (version: string, commit: string): string => `${version}-${commit.slice(0, 12)}`;
