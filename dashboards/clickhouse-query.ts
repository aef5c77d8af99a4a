import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import type { DataSourceRef } from '@grafana/grafana-foundation-sdk/common';

/** The ClickHouse data source that the reader chose at the top of the dashboard. */
export const chosenSource: DataSourceRef = { type: 'grafana-clickhouse-datasource', uid: `\${source}` };

/** The plugin whose macros and query model these dashboards are written for. */
const pluginVersion = '4.20.0';

/** How the plugin shapes rows: series need a time column first in line and rows in its order. */
const formats = { timeseries: 0, table: 1 } as const;
export type QueryFormat = keyof typeof formats;

export interface ClickhouseQuery extends Dataquery {
  readonly refId: string;
  readonly rawSql: string;
}

/** One SQL query of a panel, in the model of the grafana-clickhouse-datasource plugin. */
export const clickhouseQuery = (rawSql: string, format: QueryFormat, refId = 'A'): Builder<ClickhouseQuery> => ({
  build: () => ({
    refId,
    datasource: chosenSource,
    editorType: 'sql',
    queryType: format,
    format: formats[format],
    rawSql,
    pluginVersion,
    // The SDK's mark of a query; JSON leaves functions out.
    _implementsDataqueryVariant: () => undefined,
  }),
});
