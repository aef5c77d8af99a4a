import { messageOf } from '../../src/errors.ts';
import { contestNamed } from './benches.ts';
import type { Setting } from './contest.ts';
import { play } from './rounds.ts';

/** What the process of one contest is started with: its only argument, as JSON. */
export interface Order extends Setting {
  readonly bench: string;
  readonly contest: string;
  readonly rounds: number;
}

/** A process per contest: what one makes the compiler believe, or leaves on the heap, must not weigh on the next. */
const obey = async ({ bench, contest, rounds, ...setting }: Order): Promise<void> => {
  const results = await play(contestNamed(bench, contest), rounds, setting);
  // Started by hand, under a profiler: nobody listens.
  if (!process.send) console.log(JSON.stringify(results));
  await new Promise((resolve) => (process.send ? process.send(results, resolve) : resolve(null)));
};

obey(JSON.parse(process.argv[2] ?? '{}') as Order).then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error instanceof Error ? error.stack : messageOf(error));
    process.exit(1);
  },
);
