import { existsSync } from 'node:fs';
import type { Database } from '../clickhouse/database.ts';
import { TidegateError } from '../errors.ts';
import type { Context } from './context.ts';
import { openAnalytics, schemeOf } from './engines.ts';
import type { Opened } from './opened.ts';

/**
 * The database of a command that asks for what is stored. A folder that is not there is not made: an empty one in the wrong
 * directory would be taken for the answer.
 *
 * @throws TidegateError CONFIG_INVALID where there is no folder, ENGINE_UNFIT where the tables are not up to date.
 */
export const openStoredDatabase = async (context: Context, opened: Opened): Promise<Database> => {
  const { config, clock, logger } = context;
  const folder = schemeOf(config.clickhouseUrl) === 'chdb:' ? config.clickhouseUrl.slice('chdb:'.length) : '';
  if (folder !== '' && !existsSync(folder)) {
    const message = `${folder} does not exist: run this where tidegate up runs, or name its data`;
    throw new TidegateError('CONFIG_INVALID', 'There is no data to ask', {
      problems: [{ path: 'clickhouseUrl', message }],
    });
  }
  const database = opened.add(await openAnalytics({ ...config, clock, logger }), (closing) => closing.close());
  const problems = (await database.check())
    .filter(({ ok, subject }) => !ok && subject === 'migrations')
    .map(({ subject, message }) => ({ path: subject, message }));
  if (problems.length === 0) return database;
  throw new TidegateError('ENGINE_UNFIT', `The database ${database.name} is not ready: run tidegate migrate`, {
    problems,
  });
};
