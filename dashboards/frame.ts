import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  type AnnotationQuery,
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  type Panel,
  RowBuilder,
  type VariableModel,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { chosenSource, clickhouseQuery } from './clickhouse-query.ts';
import { type DashboardName, dashboardTitles, dashboardUids, linksFrom } from './links.ts';
import { sourceVariable } from './variables.ts';

interface Placed extends Builder<Panel> {
  id(id: number): this;
  height(height: number): this;
  span(span: number): this;
}

/** Panels beside each other, by their ids. Ids are fixed: links and alerts to a panel outlive a new order. */
export interface PanelRow {
  /** A heading above. */
  readonly title?: string;
  readonly height: number;
  /** Id → panel; each as wide as the others, or as wide as it says: [panel, of 24 columns]. */
  readonly panels: Readonly<Record<number, Placed | readonly [Placed, number]>>;
}

export interface DashboardFrame {
  readonly name: DashboardName;
  /** What it answers, in one or two sentences. */
  readonly description: string;
  readonly variables?: readonly Builder<VariableModel>[];
  readonly annotations?: readonly Builder<AnnotationQuery>[];
  /** `now-6h`. */
  readonly from?: string;
  readonly rows: readonly PanelRow[];
}

export interface MarkLook {
  readonly color: string;
  /** Whether it shows from the start; else the reader switches it on. Default yes. */
  readonly isOn?: boolean;
}

/** What happened at an instant, shown across all charts. `sql`: time, title, text, tags; bounded in time and number. */
export const marks = (name: string, look: string | MarkLook, sql: string): AnnotationQueryBuilder =>
  new AnnotationQueryBuilder()
    .name(name)
    .datasource(chosenSource)
    .enable(typeof look === 'string' || look.isOn !== false)
    .iconColor(typeof look === 'string' ? look : look.color)
    .target(clickhouseQuery(sql, 'table', 'Anno'));

const columns = 24;

const isPair = (panel: Placed | readonly [Placed, number]): panel is readonly [Placed, number] => Array.isArray(panel);

/** Headings have ids above those of panels. */
const headingIds = 900;

/** A dashboard in the classic model, with what all have: data source, links to each other, and a refresh. */
export const dashboardOf = (frame: DashboardFrame): DashboardBuilder => {
  const dashboard = new DashboardBuilder(dashboardTitles[frame.name])
    .uid(dashboardUids[frame.name])
    .description(`${frame.description} Generated: change dashboards/, then npm run dashboards.`)
    .tags(['tidegate'])
    .readonly()
    .time({ from: frame.from ?? 'now-6h', to: 'now' })
    .refresh('30s')
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .links(linksFrom(frame.name))
    .withVariable(sourceVariable());
  for (const variable of frame.variables ?? []) dashboard.withVariable(variable);
  for (const annotation of frame.annotations ?? []) dashboard.annotation(annotation);
  frame.rows.forEach(({ title, height, panels }, index) => {
    if (title !== undefined) dashboard.withRow(new RowBuilder(title).id(headingIds + index));
    const entries = Object.entries(panels);
    // A row that is not full would let the next one begin beside it.
    const widthOf = (at: number): number =>
      Math.floor(columns / entries.length) + (at < columns % entries.length ? 1 : 0);
    for (const [at, [id, entry]] of entries.entries()) {
      const [panel, span] = isPair(entry) ? entry : [entry, widthOf(at)];
      dashboard.withPanel(panel.id(Number(id)).height(height).span(span));
    }
  });
  return dashboard;
};
