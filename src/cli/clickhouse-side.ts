import { isIP } from 'node:net';
import type { Database } from '../clickhouse/database.ts';
import { type Problem, TidegateError } from '../errors.ts';
import type { Context } from './context.ts';
import { adapter, schemeOf } from './engines.ts';
import { checkPort, listen } from './listen.ts';
import type { Opened } from './opened.ts';
import type { Config } from './settings.ts';

type Settings = Pick<Config, 'clickhousePort' | 'clickhouseHost' | 'clickhousePassword' | 'clickhouseUrl'>;

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

const problemsOf = ({ clickhouseHost, clickhousePassword, clickhouseUrl }: Settings): Problem[] => {
  const problems: Problem[] = [];
  if (schemeOf(clickhouseUrl) !== 'chdb:') {
    const message = 'serves the embedded database, and clickhouseUrl names a server: ask that one';
    problems.push({ path: 'clickhousePort', message });
  }
  if (clickhousePassword === null && !isLoopback(clickhouseHost)) {
    const message = `is needed where others than this machine can ask: clickhouseHost is ${clickhouseHost}`;
    problems.push({ path: 'clickhousePassword', message });
  }
  return problems;
};

const isWanted = (port: Settings['clickhousePort']): port is number => typeof port === 'number';

/**
 * Whether the embedded database is to be served to readers; if so, whether it can be.
 *
 * @throws TidegateError CONFIG_INVALID or PORT_IN_USE.
 */
export const checkClickHousePort = async (config: Settings): Promise<boolean> => {
  const { clickhousePort: port, clickhouseHost: host } = config;
  if (!isWanted(port)) return false;
  const problems = problemsOf(config);
  if (problems.length > 0) {
    throw new TidegateError('CONFIG_INVALID', 'The embedded database cannot be served to readers', { problems });
  }
  await checkPort(host, port).catch((cause: unknown) => {
    const isTaken = cause instanceof TidegateError && cause.code === 'PORT_IN_USE';
    throw isTaken ? new TidegateError('PORT_IN_USE', `${cause.message} (clickhousePort)`, { cause }) : cause;
  });
  return true;
};

export interface ClickHouseSideOptions {
  readonly database: Database;
  readonly opened: Opened;
}

/** Serves the embedded database to readers; gives the URL. `database` was opened for readers. */
export const openClickHouseSide = async (context: Context, { database, opened }: ClickHouseSideOptions) => {
  const { config, clock, logger } = context;
  const [{ openClickHouseHttp }, { readerRole }] = await adapter(() =>
    Promise.all([import('../embedded/clickhouse-http/server.ts'), import('../embedded/reader-role.ts')]),
  );
  const front = await openClickHouseHttp({
    folder: database.name.slice('chdb:'.length),
    role: readerRole,
    password: config.clickhousePassword ?? '',
    clock,
    logger,
  });
  opened.add(front, (open) => open.close());
  const port = isWanted(config.clickhousePort) ? config.clickhousePort : 0;
  const url = await listen(front, config.clickhouseHost, port);
  logger.info({ url }, 'the embedded database can be read');
  return url;
};
