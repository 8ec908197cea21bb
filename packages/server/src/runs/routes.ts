import { operations } from '@slipway/contract';
import { route } from '../http/route.ts';
import { runCancel } from './cancel-run.ts';
import { runCreate } from './create-run.ts';
import { runList, runStatsList } from './list-runs.ts';
import { runLogs, runLogsStream } from './read-logs.ts';
import { runFeedback, runFeedbackStream, runOutput, runOutputStream } from './read-rows.ts';
import { runReplay } from './replay-run.ts';
import { runFileList, runFileShow } from './run-files.ts';
import { runShow, runStats } from './show-run.ts';
import { resolveRun } from './subject.ts';

export const runRoutes = [
  route(operations.runList, runList),
  route(operations.runStatsList, runStatsList),
  route(operations.runShow, runShow),
  route(operations.runCreate, runCreate),
  route(operations.runCancel, runCancel),
  route(operations.runReplay, runReplay),
  route(operations.runLogs, runLogs, runLogsStream),
  route(operations.runOutput, runOutput, runOutputStream),
  route(operations.runFeedback, runFeedback, runFeedbackStream),
  route(operations.runFileList, runFileList),
  route(operations.runFileShow, runFileShow),
  route(operations.runStats, runStats),
];

export const runResolvers = { run: resolveRun };
