import { renderDashboards } from '../../dashboards/build.ts';
import { selectRows } from '../../src/clickhouse/engine.ts';
import { migrate } from '../../src/clickhouse/migrate.ts';
import { systemClock } from '../../src/clock.ts';
import { type ChdbEngine, openChdb } from '../../src/embedded/chdb.ts';
import { silentLogger } from '../../src/logger.ts';
import { minuteMs } from './dashboard-traffic.ts';
import { dashboardsOf, queriesOf } from './grafana-dashboards.ts';
import { expandMacros, type MacroContext } from './grafana-macros.ts';

export type Row = Record<string, string | number | null>;

/** The start of this minute: what is asked of the newest data depends on now. */
export const nowMs = Math.floor(systemClock.nowMs() / minuteMs) * minuteMs;

/** Every query of every dashboard. */
export const allQueries = dashboardsOf(renderDashboards().files.values()).flatMap((dashboard) =>
  queriesOf(dashboard).map((query) => ({ ...query, uid: dashboard.uid })),
);

export interface Stage {
  readonly engine: ChdbEngine;
  /** Rows of a query as Grafana would send it. */
  ask(sql: string, context: MacroContext): Promise<Row[]>;
  /** Rows of one query of one dashboard: its panel's title with the letter, `Denied A`. */
  panel(uid: string, name: string, context: MacroContext): Promise<Row[]>;
}

/** A database with all tables and nothing in them. */
export const openStage = async (url: string, dedupWindow = 100): Promise<Stage> => {
  const engine = await openChdb({ folder: url.slice('chdb:'.length) });
  const options = { rawTtlDays: 0, minuteTtlDays: 0, dedupWindow };
  await migrate({ engine, options, logger: silentLogger });
  const ask = (sql: string, context: MacroContext): Promise<Row[]> =>
    selectRows<Row>(engine.reader, expandMacros(sql, context));
  return {
    engine,
    ask,
    panel: (uid, name, context) => {
      const query = allQueries.find((one) => one.uid === uid && one.name === name);
      if (query === undefined) throw new Error(`no query ${name} in ${uid}`);
      return ask(query.rawSql, context);
    },
  };
};

/** Milliseconds of a time as the engine writes it. */
export const msOf = (time: Row[string] | undefined): number => Date.parse(`${String(time).replace(' ', 'T')}Z`);
