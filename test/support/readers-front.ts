import type { ClickHouseClient } from '@clickhouse/client';
import { systemClock } from '../../src/clock.ts';
import { openChdb } from '../../src/embedded/chdb.ts';
import { type ClickHouseHttpOptions, openClickHouseHttp } from '../../src/embedded/clickhouse-http/server.ts';
import { readerRole } from '../../src/embedded/reader-role.ts';
import { silentLogger } from '../../src/logger.ts';

/** An embedded database with one table `notes` of three rows, served to readers. */
export interface ReadersFront {
  /** `http://127.0.0.1:…` */
  readonly url: string;
  /** Of the same database, with every right. */
  readonly writer: ClickHouseClient;
  stats(): { readonly running: number; readonly waiting: number; readonly refused: number };
  close(): Promise<void>;
}

type Options = Partial<Pick<ClickHouseHttpOptions, 'password' | 'limits' | 'queries' | 'role'>>;

/** `folder`: `chdb:…`, which this process has not opened before. */
export const startReadersFront = async (folder: string, options: Options = {}): Promise<ReadersFront> => {
  const path = folder.slice('chdb:'.length);
  const engine = await openChdb({ folder: path, hasReaders: true });
  await engine.writer.command({
    query:
      "CREATE TABLE notes (id UInt32, text String DEFAULT concat('note ', toString(id))) ENGINE = MergeTree ORDER BY id",
  });
  await engine.writer.command({ query: 'INSERT INTO notes (id) VALUES (1), (2), (3)' });
  const front = await openClickHouseHttp({
    folder: path,
    role: readerRole,
    password: '',
    clock: systemClock,
    logger: silentLogger,
    ...options,
  });
  return {
    url: await front.listen({ host: '127.0.0.1', port: 0 }),
    writer: engine.writer,
    stats: () => front.stats(),
    close: async () => {
      await front.close();
      await engine.close();
    },
  };
};
