import { afterAll, beforeAll, expect, it } from 'vitest';
import { renderDashboards } from '../../dashboards/build.ts';
import { type Database, openDatabase } from '../../src/clickhouse/database.ts';
import { systemClock } from '../../src/clock.ts';
import { type ClickHouseHttp, openClickHouseHttp } from '../../src/embedded/clickhouse-http/server.ts';
import { readerRole } from '../../src/embedded/reader-role.ts';
import { silentLogger } from '../../src/logger.ts';
import { describeWith } from '../support/engines.ts';
import { expandMacros } from '../support/grafana-macros.ts';

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly rawSql: string }[];
}

const panels = [...renderDashboards().files.values()].flatMap(
  (text) => (JSON.parse(text) as { panels: Panel[] }).panels,
);
const queries = panels.flatMap(({ title, targets = [] }) => targets.map(({ rawSql }) => ({ title, rawSql })));
const nowMs = systemClock.nowMs();
const lastHour = { fromMs: nowMs - 3_600_000, toMs: nowMs, intervalMs: 60_000 };

/** As clickhouse-go asks, which is what Grafana asks with. */
const asGrafana = '?default_format=Native&client_protocol_version=54460&database=default&limit=1000000';

describeWith('chdb', 'the dashboard on the embedded database', (url) => {
  let database: Database;
  let front: ClickHouseHttp;
  let base = '';

  beforeAll(async () => {
    database = await openDatabase({ url, clock: systemClock, logger: silentLogger, hasReaders: true });
    await database.migrate();
    const folder = database.name.slice('chdb:'.length);
    front = await openClickHouseHttp({
      folder,
      role: readerRole,
      password: '',
      clock: systemClock,
      logger: silentLogger,
    });
    base = await front.listen({ host: '127.0.0.1', port: 0 });
  });

  afterAll(async () => {
    await front.close();
    await database.close();
  });

  const post = (path: string, body: string): Promise<Response> => fetch(base + path, { method: 'POST', body });

  it('finds something to ask', () => {
    expect(queries.length).toBeGreaterThan(5);
  });

  it.each(queries)(
    'reads "$title" with the rights of a reader, in types that Grafana understands',
    async ({ rawSql }) => {
      const response = await post(`/${asGrafana}`, expandMacros(rawSql, lastHour));
      expect([response.status, await response.text().then((text) => (response.ok ? '' : text))]).toEqual([200, '']);
    },
  );

  it('can be written in Native, every column of every table', async () => {
    const names = (await (await post('/', 'SHOW TABLES')).text()).trim().split('\n');
    expect(names).toContain('decisions_raw');
    // A row of defaults for each column: a table without rows has no values to end.
    for (const name of names.filter((table) => table !== 'throttle_spikes_between')) {
      const described = await (await post('/?default_format=JSONCompactEachRow', `DESCRIBE TABLE ${name}`)).text();
      const columns = described
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as [string, string]);
      const values = columns.map(
        ([column, type]) => `defaultValueOfTypeName('${type.replaceAll("'", "\\'")}') AS ${column}`,
      );
      const response = await post(`/${asGrafana}`, `SELECT ${values.join(', ')}`);
      expect([name, response.status, response.ok ? '' : await response.text()]).toEqual([name, 200, '']);
    }
  });
});
