import { operations } from '@slipway/contract';
import { route } from '../http/route.ts';
import {
  accountCreate,
  accountDelete,
  accountList,
  accountShow,
  accountUpdate,
  projectCreate,
  projectDelete,
  projectList,
  projectShow,
  projectUpdate,
} from './accounts.ts';
import {
  channelCreate,
  channelDelete,
  channelList,
  channelShow,
  channelUpdate,
  resolveChannel,
} from './channels.ts';
import { dataSetList, dataSetRestore } from './data-sets.ts';
import {
  dataSourceCreate,
  dataSourceDelete,
  dataSourceList,
  dataSourceShow,
  dataSourceUpdate,
} from './data-sources.ts';
import { dataProfile, dataShow, dataShowStream } from './data-view.ts';
import { siteDelete } from './delete-site.ts';
import { historyList } from './history.ts';
import {
  legacyExecutableCreate,
  legacyExecutableDelete,
  legacyExecutableList,
} from './legacy-executables.ts';
import { membershipDelete, membershipList, membershipPut } from './memberships.ts';
import { errorList, notificationList, notificationRead } from './messages.ts';
import { processCancel, processCreate, processList, processShow } from './processes.ts';
import { siteConnectorList } from './site-connectors.ts';
import { siteAllList, siteCreate, siteList, siteShow, siteUpdate } from './sites.ts';
import { resolveAccount, resolveProject, resolveSite } from './subjects.ts';

export const platformRoutes = [
  route(operations.platformAccountList, accountList),
  route(operations.platformAccountCreate, accountCreate),
  route(operations.platformAccountShow, accountShow),
  route(operations.platformAccountUpdate, accountUpdate),
  route(operations.platformAccountDelete, accountDelete),
  route(operations.platformProjectList, projectList),
  route(operations.platformProjectCreate, projectCreate),
  route(operations.platformProjectShow, projectShow),
  route(operations.platformProjectUpdate, projectUpdate),
  route(operations.platformProjectDelete, projectDelete),
  route(operations.platformSiteList, siteList),
  route(operations.platformSiteCreate, siteCreate),
  route(operations.platformSiteAllList, siteAllList),
  route(operations.platformSiteShow, siteShow),
  route(operations.platformSiteUpdate, siteUpdate),
  route(operations.platformSiteDelete, siteDelete),
  route(operations.platformMembershipList, membershipList),
  route(operations.platformMembershipPut, membershipPut),
  route(operations.platformMembershipDelete, membershipDelete),
  route(operations.platformSiteConnectorList, siteConnectorList),
  route(operations.platformDataSourceList, dataSourceList),
  route(operations.platformDataSourceCreate, dataSourceCreate),
  route(operations.platformDataSourceShow, dataSourceShow),
  route(operations.platformDataSourceUpdate, dataSourceUpdate),
  route(operations.platformDataSourceDelete, dataSourceDelete),
  route(operations.platformProcessList, processList),
  route(operations.platformProcessCreate, processCreate),
  route(operations.platformProcessShow, processShow),
  route(operations.platformProcessCancel, processCancel),
  route(operations.platformNotificationList, notificationList),
  route(operations.platformNotificationRead, notificationRead),
  route(operations.platformErrorList, errorList),
  route(operations.platformDataShow, dataShow, dataShowStream),
  route(operations.platformDataProfile, dataProfile),
  route(operations.platformDataSetList, dataSetList),
  route(operations.platformDataSetRestore, dataSetRestore),
  route(operations.platformHistoryList, historyList),
  route(operations.platformChannelList, channelList),
  route(operations.platformChannelCreate, channelCreate),
  route(operations.platformChannelShow, channelShow),
  route(operations.platformChannelUpdate, channelUpdate),
  route(operations.platformChannelDelete, channelDelete),
  route(operations.platformLegacyExecutableList, legacyExecutableList),
  route(operations.platformLegacyExecutableCreate, legacyExecutableCreate),
  route(operations.platformLegacyExecutableDelete, legacyExecutableDelete),
];

export const platformResolvers = {
  channel: resolveChannel,
  account: resolveAccount,
  project: resolveProject,
  site: resolveSite,
};
