/** Migrates the chDB folder of its argument and says each file as it is applied: to be killed on the way. */
import { migrate } from '../../src/clickhouse/migrate.ts';
import { openChdb } from '../../src/embedded/chdb.ts';
import { type Logger, silentLogger } from '../../src/logger.ts';

const engine = await openChdb({ folder: process.argv[2] ?? '' });
const logger: Logger = {
  ...silentLogger,
  info: (fields: unknown) => process.stdout.write(`${JSON.stringify(fields)}\n`),
};
await migrate({ engine, logger, options: { dedupWindow: 100 } });
process.stdout.write('done\n');
await engine.close();
