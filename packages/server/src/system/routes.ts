import { allOperations, openApiDocument, operations } from '@slipway/contract';
import { route } from '../http/route.ts';
import { RawJson } from '../json.ts';
import { version } from '../version.ts';
import { containerApiOpenapi, containerApiVersionList } from './container-api.ts';
import { docs } from './docs.ts';
import { examples } from './examples.ts';
import { live, ready } from './health.ts';
import { queueList } from './queue.ts';
import { systemShow } from './show-system.ts';

/** The document never changes while the server runs. */
let document: RawJson | null = null;

export const systemRoutes = [
  route(operations.healthLive, live),
  route(operations.healthReady, ready),
  route(operations.openapi, async ({ services }) => {
    document ??= new RawJson(
      JSON.stringify(openApiDocument(allOperations, services.settings.publicUrl, version, examples())),
    );
    return document;
  }),
  route(operations.docs, docs),
  route(operations.metrics, ({ services }) => services.metrics.text()),
  route(operations.systemShow, systemShow),
  route(operations.queueList, queueList),
  route(operations.containerApiVersionList, containerApiVersionList),
  route(operations.containerApiOpenapi, containerApiOpenapi),
];
