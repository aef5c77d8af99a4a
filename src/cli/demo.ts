import { Command, InvalidArgumentError } from 'commander';
import { adapter } from './engines.ts';

export interface DemoFlags {
  /** Null: until Ctrl-C. */
  readonly seconds: number | null;
  /** 0: any free one. */
  readonly port: number;
  readonly json: boolean;
}

const wholeNumber =
  (least: number, most: number) =>
  (text: string): number => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };

/** `tidegate demo`: everything at work in one process, with visitors good and bad. */
export const demoCommand = (): Command =>
  new Command('demo')
    .description('Everything in one process: a sample API, six visitors, and what becomes of them.')
    .option('--seconds <n>', 'end after so many seconds (default: at Ctrl-C)', wholeNumber(1, 86_400))
    .option('--port <port>', 'port of the console; 0 is any free one', wholeNumber(0, 65_535), 0)
    .option('--json', 'print one JSON object as the last line of standard output', false)
    .addHelpText(
      'after',
      `
Examples:
  $ tidegate demo                       until Ctrl-C, with a table and the console
  $ tidegate demo --seconds 30 --json   for machines

Exit codes: 0 done, 1 the database holds another number of decisions than were taken, 2 it cannot start.`,
    )
    .action(async ({ seconds, port, json }: Partial<DemoFlags>) => {
      const { runDemoCommand } = await adapter(() => import('./demo-run.ts'));
      await runDemoCommand({ seconds: seconds ?? null, port: port ?? 0, json: json ?? false });
    });
