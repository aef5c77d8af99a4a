/**
 * A ClickHouse that several processes can reach, and that can be killed: chDB on a folder behind the part of ClickHouse's
 * HTTP interface that ingest needs.
 */
import { systemClock } from '../../src/clock.ts';
import { messageOf } from '../../src/errors.ts';
import { startClickHouseHttp } from '../support/clickhouse-http.ts';

export interface FrontJob {
  readonly folder: string;
  readonly port: number;
}

/** From the parent. */
export type FrontOrder =
  | { readonly fail: boolean }
  /** Dies so long after the next insert into a table of decisions has begun. */
  | { readonly dieInInsertUs: number }
  | { readonly stop: true };

const serve = async ({ folder, port }: FrontJob): Promise<void> => {
  const front = await startClickHouseHttp({ folder, port, password: 'secret' });
  const stopped = new Promise<void>((resolve) => {
    process.on('message', (order: FrontOrder) => {
      if ('fail' in order) front.fail = order.fail;
      else if ('dieInInsertUs' in order) {
        front.onInsert = () => {
          const end = systemClock.monotonicUs() + order.dieInInsertUs;
          while (systemClock.monotonicUs() < end);
          process.kill(process.pid, 'SIGKILL');
        };
      } else resolve();
    });
  });
  process.send?.({ url: front.url });
  await stopped;
  await front.close();
};

process.once('disconnect', () => process.exit(1));
serve(JSON.parse(process.argv[2] ?? '{}') as FrontJob).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exit(1);
  },
);
