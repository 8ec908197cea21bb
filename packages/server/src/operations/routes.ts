import { operations } from '@slipway/contract';
import { type Route, route } from '../http/route.ts';
import { cancelState } from './cancel.ts';
import { followState } from './follow-state.ts';
import { listStates, listVersionStates, showLatestState, showState } from './list-states.ts';
import { listStateLogs, streamStateLogs } from './state-logs.ts';
import { resolveState } from './subject.ts';

export const stateRoutes: readonly Route[] = [
  route(operations.connectorStateList, listVersionStates),
  route(operations.stateList, listStates),
  route(operations.stateShow, showState),
  route(operations.connectorVersionShowLatestState, showLatestState),
  route(operations.stateLogs, listStateLogs, streamStateLogs),
  // Always a stream; its verb shows the state to whoever asks without one.
  route(operations.stateEvents, showState, followState),
  route(operations.stateCancel, cancelState),
];

export const stateResolvers = { state: resolveState };
