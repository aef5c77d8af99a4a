import { Command } from 'commander';
import { clientEraseCommand } from './client-erase.ts';
import { clientExportCommand } from './client-export.ts';
import type { Host } from './command-line.ts';

const help = `
Examples:
  $ tidegate client export user:4711 > 4711.ndjson
  $ echo user:4711 | tidegate client erase - --yes     so that the id is in no list of processes`;

/** `tidegate client`. */
export const clientCommand = (host: Host): Command =>
  new Command('client')
    .description('Export or erase what is stored of one client.')
    .helpOption('-h, --help', 'this text')
    .addHelpText('after', help)
    .addCommand(clientExportCommand(host))
    .addCommand(clientEraseCommand(host));
