import { Command } from 'commander';
import type { Host } from '../command-line.ts';
import { rulesCheckCommand } from './check.ts';
import { rulesStatusCommand } from './status.ts';
import { rulesOverrideCommand, rulesResetCommand } from './steer.ts';
import { rulesTestCommand } from './test.ts';

const help = `
Examples:
  $ tidegate rules check rules.yaml --strict               in CI: problems and warnings fail
  $ tidegate rules test scenarios --rules rules.yaml       who would be blocked, and who would not
  $ tidegate rules status                                  what each may do now, and what it did
  $ tidegate rules override many-routes --mode shadow --for 1h --note 'bad deploy'`;

/** `tidegate rules`. */
export const rulesCommand = (host: Host): Command =>
  new Command('rules')
    .description('Check and try the rules of the detector; see and steer what they may do.')
    .helpOption('-h, --help', 'this text')
    .addHelpText('after', help)
    .addCommand(rulesCheckCommand(host))
    .addCommand(rulesTestCommand(host))
    .addCommand(rulesStatusCommand(host))
    .addCommand(rulesOverrideCommand(host))
    .addCommand(rulesResetCommand(host));
