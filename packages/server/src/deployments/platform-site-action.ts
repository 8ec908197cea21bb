import type { ActionKind, ActionRun } from '../operations/action.ts';
import { finishAction } from '../operations/transitions.ts';
import { performSteps, placeProject, placeSite, type Step } from './steps.ts';

/** Makes project and site of a version's dev side. */
export const platformSiteKind: ActionKind = {
  queue: 'state',
  scope: 'releases:write',
  cancelled: 'The action was cancelled',
  firstStep: 'project',
  perform: (run) => performSteps(run, [project, site(run)]),
};

const project: Step = {
  name: 'project',
  async do(input) {
    const { project, made } = await placeProject(input);
    await input.say(made ? `The project is ${project}.` : `The project ${project} is there.`);
  },
};

const site = ({ action }: ActionRun): Step => ({
  name: 'site',
  async do(input) {
    const { work, row } = input;
    const { project } = await placeProject(input);
    const { site, made } = await placeSite(input, project);
    await input.say(made ? `Created the site ${site}.` : `The site ${site} is there.`);
    await finishAction(work, action, row, { data: { account: row.dev_account, project, site } });
  },
});
