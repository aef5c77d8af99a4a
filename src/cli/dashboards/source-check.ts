import { TidegateError } from '../../errors.ts';
import { plainText } from '../time-text.ts';
import type { JsonObject } from './differences.ts';
import type { Grafana } from './grafana.ts';

export const sourceType = 'grafana-clickhouse-datasource';

/**
 * Looks whether Grafana has the data source that dashboards and rules ask. Null: it has. A sentence: it could not be seen.
 *
 * @throws TidegateError GRAFANA_REFUSED, which says what is missing.
 */
export const missingSource = async (grafana: Grafana, sourceUid: string): Promise<string | null> => {
  const { status, body } = await grafana.ask({
    method: 'GET',
    path: 'api/datasources',
    what: 'its data sources',
    expected: 403,
    list: true,
  });
  if (status === 403)
    return `The token may not see data sources: whether there is one with uid ${sourceUid} was not checked.`;
  const sources = (body as readonly JsonObject[]).filter(({ type }) => type === sourceType);
  if (sources.some(({ uid }) => uid === sourceUid)) return null;
  if (sources.length === 0) {
    throw new TidegateError(
      'GRAFANA_REFUSED',
      `Grafana at ${grafana.name} has no data source of the type ${sourceType}: install that plugin, and make the data source (docs/guides/grafana.md)`,
    );
  }
  const known = plainText(sources.map(({ uid, name }) => `${String(uid)} (${String(name)})`).join(', '));
  throw new TidegateError(
    'GRAFANA_REFUSED',
    `Grafana at ${grafana.name} has no ClickHouse data source with uid ${sourceUid}. Name one by --source-uid: ${known}`,
  );
};

/** Older ones refuse rules that keep firing, or that keep their state while the database is away. */
const oldestForRules = 12;

/** @throws TidegateError GRAFANA_REFUSED when this Grafana is too old for alert rules. One that does not say its version is not. */
export const requireRuleVersion = async (grafana: Grafana): Promise<void> => {
  const { body } = await grafana.ask({ method: 'GET', path: 'api/health', what: 'its version' });
  const version = String((body as JsonObject)['version'] ?? '').slice(0, 64);
  const major = /^v?(\d+)\.[\w.+-]*$/.exec(version)?.[1];
  if (major === undefined || Number(major) >= oldestForRules) return;
  throw new TidegateError(
    'GRAFANA_REFUSED',
    `Grafana at ${grafana.name} is version ${version}, and alert rules need ${oldestForRules} or newer. Give --no-rules for dashboards alone`,
  );
};
