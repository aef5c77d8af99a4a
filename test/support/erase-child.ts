/** A process of the erasure tests: fills a folder, erases a client and dies on the way, or erases all and says what is left. */

import { ClickHouseClientData } from '../../src/clickhouse/client-data.ts';
import { type ClickHouseEngine, execute, selectRows } from '../../src/clickhouse/engine.ts';
import { ClickHouseEventTable } from '../../src/clickhouse/event-table.ts';
import { migrate } from '../../src/clickhouse/migrate.ts';
import { clientOf } from '../../src/client.ts';
import { systemClock } from '../../src/clock.ts';
import { openChdb } from '../../src/embedded/chdb.ts';
import type { DecisionEvent } from '../../src/event/decision-event.ts';
import { silentLogger } from '../../src/logger.ts';
import { blockOf } from '../support/row-block.ts';
import { FrameSource } from './decision-frames.ts';
import { disagreements } from './stored-sums.ts';

export type EraseJob =
  | { readonly folder: string; readonly does: 'fill'; readonly clients: number }
  /** Dies with the change of this number, from 1: so long after it began, or before it begins. */
  | {
      readonly folder: string;
      readonly does: 'die';
      readonly client: number;
      readonly change: number;
      readonly delayMs: number | null;
    }
  | { readonly folder: string; readonly does: 'finish'; readonly clients: number };

export interface EraseReport {
  readonly decisions: number;
  readonly denied: number;
  readonly blocks: number;
  /** Rows and statements that still name a client that was to be erased. */
  readonly named: number;
  readonly disagreements: readonly object[];
}

const dayMs = 86_400_000;
const nameOf = (client: number): string => `wanted-${client}`;

const one = async (engine: ClickHouseEngine, sql: string): Promise<number> =>
  Number(Object.values((await selectRows<object>(engine.reader, `SELECT ${sql}`))[0] ?? {})[0]);

const report = async (engine: ClickHouseEngine): Promise<EraseReport> => ({
  decisions: await one(engine, 'sum(r.count) FROM decisions_raw AS r'),
  denied: await one(engine, 'sum(d.denied) FROM denials_by_client_per_minute AS d'),
  blocks: await one(engine, 'count() FROM blocks'),
  named:
    (await one(engine, "countIf(startsWith(client, 'wanted-')) FROM decisions_raw")) +
    (await one(engine, "countIf(startsWith(client, 'wanted-')) FROM denials_by_client_per_minute")) +
    (await one(engine, "countIf(position(toString(tuple(*)), 'wanted-') > 0) FROM blocks")) +
    (await one(engine, "countIf(position(command, 'wanted-') > 0) FROM system.mutations")),
  disagreements: await disagreements(engine),
});

const fill = async (engine: ClickHouseEngine, clients: number): Promise<void> => {
  const options = { rawTtlDays: 30, denialsTtlDays: 90, dedupWindow: 1000 };
  await migrate({ engine, logger: silentLogger, options });
  const todayMs = Math.floor(systemClock.nowMs() / dayMs) * dayMs;
  const table = new ClickHouseEventTable({ engine, table: 'decisions_raw', nowMs: () => systemClock.nowMs() });
  const names = [...Array.from({ length: clients }, (_, client) => nameOf(client)), 'bystander'];
  const events = names.flatMap((client) =>
    Array.from(
      { length: 60 },
      (_, at): Partial<DecisionEvent> => ({
        ...{ client, clientKind: 'user', outcome: at % 3 === 0 ? 'allowed' : 'denied', count: at + 1 },
        timeMs: todayMs - (at % 20) * dayMs,
      }),
    ),
  );
  await table.insert(blockOf([new FrameSource({ partition: 1 }).frame(...events)]).runs, 'fill');
  for (const name of names) {
    await execute(
      engine.writer,
      `INSERT INTO denials_by_client_per_minute SELECT toDateTime(${todayMs / 1000} - 5000000 + 6000 * number, 'UTC'), 'user',
         {name:String}, 'acme', 'GET /', 'p', 1, 3, 1, 1, now64(3) FROM numbers(300)`,
      { name },
    );
    await execute(
      engine.writer,
      `INSERT INTO blocks (time, client_kind, client, block_id, verdict_id, reason)
       SELECT now64(3), 'user', {name:String}, concat('b-', {name:String}), {name:String}, concat('goodwill: ', {name:String})`,
      { name },
    );
  }
};

/** Counts the statements that change something, and dies with one of them. */
const dyingAt = (engine: ClickHouseEngine, change: number, delayMs: number | null): ClickHouseEngine => {
  let changes = 0;
  const die = (): void => {
    process.kill(process.pid, 'SIGKILL');
  };
  const writer = new Proxy(engine.writer, {
    get: (client, name, receiver): unknown => {
      if (name !== 'command') return Reflect.get(client, name, receiver);
      return (...args: Parameters<typeof client.command>) => {
        changes += 1;
        if (changes === change && delayMs === null) die();
        if (changes === change && delayMs !== null) systemClock.schedule(delayMs, die);
        return client.command(...args);
      };
    },
  });
  return { ...engine, writer };
};

const main = async (job: EraseJob): Promise<void> => {
  const engine = await openChdb({ folder: job.folder });
  const erase = async (through: ClickHouseEngine, client: number): Promise<void> => {
    const data = new ClickHouseClientData({ engine: through, clock: systemClock, pseudonyms: null });
    await data.erase(clientOf('user', nameOf(client)), { actor: 'test' });
  };
  if (job.does === 'fill') await fill(engine, job.clients);
  if (job.does === 'die') await erase(dyingAt(engine, job.change, job.delayMs), job.client);
  if (job.does === 'finish') for (let client = 0; client < job.clients; client += 1) await erase(engine, client);
  process.stdout.write(`${JSON.stringify(await report(engine))}\n`);
  await engine.close();
};

await main(JSON.parse(process.argv[2] ?? '') as EraseJob);
