import { Command } from 'commander';
import { adapter } from './engines.ts';
import { shippedFiles } from './settings.ts';

export interface ReplayFlags {
  readonly policies: string;
  readonly rules: string;
  readonly redisUrl: string;
  readonly kafkaUrl: string;
  readonly clickhouseUrl: string;
  readonly json: boolean;
}

/** `tidegate replay FILE…`: what the policies and rules would have done to the traffic of an access log. */
export const replayCommand = (): Command =>
  new Command('replay')
    .description('Replay access logs in log time: what would have been allowed, denied and blocked.')
    .argument('<file...>', 'nginx or Apache access logs, common or combined, plain or .gz; - is standard input')
    .option(
      '--policies <file>',
      'policies; a valid change is live from then on, an invalid one is refused',
      shippedFiles.policies,
    )
    .option('--rules <file>', 'rules of the detector', shippedFiles.rules)
    .option('--redis-url <url>', 'counters and block list: redis://, rediss:// or memory:', 'memory:')
    .option('--kafka-url <url>', 'event log: kafka://a:9092,b:9092 or memory:', 'memory:')
    .option(
      '--clickhouse-url <url>',
      'an empty database: http(s)://…/database, or chdb: for one that is gone afterwards',
      'chdb:',
    )
    .option('--json', 'print one JSON object as the last line of standard output', false)
    .addHelpText(
      'after',
      `
Examples:
  $ tidegate replay access.log access.log.1.gz
  $ zcat access.log.*.gz | tidegate replay - --policies policies.yaml --rules rules.yaml
  $ tidegate replay access.log --json | jq '.blocks[] | {client, rule, blockedAt}'

A replay uses keys and a topic of its own and removes them; it never reads TIDEGATE_ variables, so that it cannot
touch a running installation by accident.

Exit codes: 0 done, 1 the database holds another number of decisions than were taken, 2 unusable input.`,
    )
    .action(async (files: string[], flags: ReplayFlags) => {
      const { runReplayCommand } = await adapter(() => import('./replay-run.ts'));
      await runReplayCommand(files, flags);
    });
