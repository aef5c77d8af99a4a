import { Command } from 'commander';
import type { Host } from '../command-line.ts';
import { addBlockCommand } from './add.ts';
import { allowCommands } from './allow.ts';
import { explainSubjectCommand } from './explain.ts';
import { exportListCommand } from './export.ts';
import { importListCommand } from './import.ts';
import { liftBlockCommand } from './lift.ts';
import { listBlocksCommand } from './list.ts';
import { reviewCommands } from './review.ts';
import { showBlockCommand } from './show.ts';

const help = `
All of them ask the Redis of the gates (--redis-url, TIDEGATE_REDIS_URL). Gates follow within a second. Every change
needs a --note, and is recorded in the name of --actor.

Examples:
  $ tidegate blocks list                                   who is blocked, and who waits for a person
  $ tidegate blocks explain 203.0.113.9                    whether, why, and what to do about it
  $ tidegate blocks lift 203.0.113.9 --reason false-positive --note 'an office'
  $ tidegate blocks add 203.0.113.0/24 --for 2h --note 'spray' --dry-run
  $ tidegate panic on --what blocks --note 'all are wrong' when there is no time for single ones`;

/** `tidegate blocks`. */
export const blocksCommand = (host: Host): Command => {
  const [allow, disallow, allowed] = allowCommands(host);
  const command = new Command('blocks')
    .description('See, make, judge and end blocks; the allow list; lists from elsewhere.')
    .helpOption('-h, --help', 'this text')
    .addHelpText('after', help);
  const all = [
    listBlocksCommand(host),
    showBlockCommand(host),
    explainSubjectCommand(host),
    addBlockCommand(host),
    liftBlockCommand(host),
    ...reviewCommands(host),
    allow,
    disallow,
    allowed,
    importListCommand(host),
    exportListCommand(host),
  ];
  for (const each of all) if (each) command.addCommand(each);
  return command;
};
