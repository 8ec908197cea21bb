import type { SidecarProcess } from '@slipway/container-api';
import { Command } from 'commander';
import { containerApi } from './container-api.ts';
import type { Ended } from './ended.ts';

/**
 * The command line of connector developers.
 *
 * @throws {CommanderError} by `parseAsync`, for wrong use and when help was asked for
 */
export function slipway(sidecar: SidecarProcess, ended: Ended): Command {
  const program = new Command('slipway')
    .description('Develops connectors on this machine: the tools of Slipway without its server.')
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError('Add --help for what can be said.')
    .addHelpText('after', '\nExit codes: 0 well, 1 failed, 2 wrong use.');
  const command = containerApi(sidecar, ended).copyInheritedSettings(program);
  return program.addCommand(command);
}
