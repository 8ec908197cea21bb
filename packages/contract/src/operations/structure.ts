import { body, optional, requiredText } from '../fields.ts';
import { operation, type Refusal } from '../operation.ts';
import { Account, Project } from '../representations/platform.ts';
import { messages, texts } from '../texts.ts';

const sitesChapter = '6.2 Accounts, projects, sites';

const missing = (thing: string): Refusal => ({ status: 404, body: { message: `${thing} not found.` } });
const field = (key: string, message: string): Refusal => ({
  status: 400,
  body: { message: messages.badRequest, errors: { [key]: message } },
});
const sentence = (message: string): Refusal => ({ status: 400, body: { message, errors: [] } });

export const platformAccountUpdate = operation({
  id: 'platform_account_update',
  method: 'PATCH',
  path: '/platform/accounts/{accountId}',
  chapter: sitesChapter,
  tag: 'ours',
  summary: 'Rename an account',
  access: 'admin',
  scope: 'admin',
  subject: 'account',
  body: body({ name: optional(requiredText()) }),
  success: { envelope: 'single', message: 'Account updated.', resource: 'account', data: Account },
  refusals: [field('name', texts.blank), missing('Account')],
});

export const platformAccountDelete = operation({
  id: 'platform_account_delete',
  method: 'DELETE',
  path: '/platform/accounts/{accountId}',
  chapter: sitesChapter,
  tag: 'ours',
  summary: 'Delete an empty account',
  access: 'admin',
  scope: 'admin',
  subject: 'account',
  success: { envelope: 'empty' },
  refusals: [sentence('Account still has projects.'), missing('Account')],
});

export const platformProjectUpdate = operation({
  id: 'platform_project_update',
  method: 'PATCH',
  path: '/platform/projects/{projectId}',
  chapter: sitesChapter,
  tag: 'ours',
  summary: 'Rename a project',
  access: 'account-admin',
  scope: 'platform:write',
  subject: 'project',
  body: body({ name: optional(requiredText()) }),
  success: { envelope: 'single', message: 'Project updated.', resource: 'project', data: Project },
  refusals: [field('name', texts.blank), missing('Project')],
});

export const platformProjectDelete = operation({
  id: 'platform_project_delete',
  method: 'DELETE',
  path: '/platform/projects/{projectId}',
  chapter: sitesChapter,
  tag: 'ours',
  summary: 'Delete an empty project',
  access: 'account-admin',
  scope: 'platform:write',
  subject: 'project',
  success: { envelope: 'empty' },
  refusals: [sentence('Project still has sites.'), missing('Project')],
});

export const platformSiteDelete = operation({
  id: 'platform_site_delete',
  method: 'DELETE',
  path: '/platform/sites/{siteId}',
  chapter: sitesChapter,
  tag: 'ours',
  summary: 'Delete a site with its data',
  access: 'account-admin',
  scope: 'platform:write',
  subject: 'site',
  success: { envelope: 'empty' },
  refusals: [
    sentence('Site is the dev site of a connector.'),
    sentence('Site is being processed.'),
    missing('Site'),
  ],
});
