import { exchangeEndpoints } from './exchange-endpoints.ts';
import { messageEndpoints } from './message-endpoints.ts';
import { rowEndpoints } from './row-endpoints.ts';

/** The endpoints of container-api.md 4, in its order of chapters. */
export const containerApiEndpoints = [...rowEndpoints, ...messageEndpoints, ...exchangeEndpoints];
