import { DashboardLinkBuilder, DashboardLinkType } from '@grafana/grafana-foundation-sdk/dashboard';

/** Uids of the dashboards, in the order in which somebody on call needs them. */
export const dashboardUids = {
  overview: 'tidegate-overview',
  drilldown: 'tidegate-drilldown',
  abuse: 'tidegate-abuse',
  limiter: 'tidegate-limiter',
  pipeline: 'tidegate-pipeline',
} as const;
export type DashboardName = keyof typeof dashboardUids;

export const dashboardTitles: Readonly<Record<DashboardName, string>> = {
  overview: 'Tidegate: overview',
  drilldown: 'Tidegate: tenant and client',
  abuse: 'Tidegate: abuse',
  limiter: 'Tidegate: limiter health',
  pipeline: 'Tidegate: pipeline',
};

/** Links at the top of a dashboard to the others; the time on screen and what is chosen go along. */
export const linksFrom = (from: DashboardName): DashboardLinkBuilder[] =>
  (Object.keys(dashboardUids) as DashboardName[])
    .filter((name) => name !== from)
    .map((name) =>
      new DashboardLinkBuilder(dashboardTitles[name].replace('Tidegate: ', ''))
        .type(DashboardLinkType.Link)
        .url(`/d/${dashboardUids[name]}`)
        .keepTime(true)
        .includeVars(true),
    );

/** An hour around the point that was clicked. */
const aroundPoint = `time=\${__value.time}&time.window=3600000`;

export interface LinkTarget {
  readonly title: string;
  readonly to: DashboardName;
  /** Variable → what it is set to, an expression of Grafana such as `${__field.labels.tenant}`; written so that any name is safe. */
  readonly set: Readonly<Record<string, string>>;
  /** `point`: the hour around it. `range`: the time on screen. `row`: the columns from_ms and to_ms of the row. */
  readonly time: 'point' | 'range' | 'row';
  /** Variables that go along as they are. */
  readonly keep?: readonly string[];
}

const timeOf = {
  point: aroundPoint,
  range: `\${__url_time_range}`,
  row: `from=\${__data.fields.from_ms}&to=\${__data.fields.to_ms}`,
} as const;

/** A link from a point, a bar or a row to another dashboard. */
export const linkTo = ({ title, to, set, time, keep = [] }: LinkTarget): DashboardLinkBuilder => {
  const parts = [
    ...Object.entries(set).map(([name, expression]) => `var-${name}=\${${expression}:percentencode}`),
    ...['source', ...keep].map((name) => `\${${name}:queryparam}`),
    timeOf[time],
  ];
  return new DashboardLinkBuilder(title).url(`/d/${dashboardUids[to]}?${parts.join('&')}`);
};
