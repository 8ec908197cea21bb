import { operations } from '@slipway/contract';
import { type Route, route } from '../http/route.ts';
import { createOrganization } from './create-organization.ts';
import { updateDefaultTargets } from './default-targets.ts';
import { deleteOrganization } from './delete-organization.ts';
import { addMember, removeMember } from './members.ts';
import { listOrganizations, showOrganization } from './read-organizations.ts';
import { resolveOrganization } from './resolver.ts';
import { updateOrganization } from './update-organization.ts';

export const organizationResolvers = { organization: resolveOrganization };

export const organizationRoutes: Route[] = [
  route(operations.organizationList, listOrganizations),
  route(operations.organizationCreate, createOrganization),
  route(operations.organizationShow, showOrganization),
  route(operations.organizationUpdate, updateOrganization),
  route(operations.organizationDelete, deleteOrganization),
  route(operations.addMemberToOrganization, addMember),
  route(operations.removeMemberFromOrganization, removeMember),
  route(operations.updateOrganizationDefaultTargets, updateDefaultTargets),
];
