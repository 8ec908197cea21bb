import { operations } from '@slipway/contract';
import { route } from '../http/route.ts';
import { demoRemove } from './remove-demo.ts';

export const demoRoutes = [route(operations.demoRemove, demoRemove)];
