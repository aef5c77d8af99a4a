/** What the tests read of a dashboard in Grafana's classic model. */
export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly targets: readonly Target[];
  readonly fieldConfig: {
    readonly defaults: {
      readonly unit?: string;
      readonly noValue?: string;
      readonly custom?: { readonly spanNulls?: boolean };
      readonly thresholds?: { readonly steps: readonly { readonly value: number | null; readonly color: string }[] };
    };
  };
}

export interface Target {
  readonly refId: string;
  readonly rawSql: string;
  readonly queryType: 'timeseries' | 'table';
  readonly datasource: { readonly uid: string };
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly links: readonly { readonly url: string; readonly keepTime: boolean; readonly includeVars: boolean }[];
  readonly annotations: { readonly list: readonly { readonly name: string; readonly target?: Target }[] };
  readonly templating: {
    readonly list: readonly {
      readonly name: string;
      readonly type: string;
      readonly query?: unknown;
      readonly current?: { readonly value: unknown };
    }[];
  };
}

/** Those among rendered files that are dashboards. */
export const dashboardsOf = (texts: Iterable<string>): Dashboard[] =>
  [...texts]
    .filter((text) => text.startsWith('{'))
    .map((text) => JSON.parse(text) as Dashboard)
    .filter(({ panels }) => Array.isArray(panels));

export interface AskedQuery {
  /** Title of the panel with the query's letter, or the name of the annotation or variable. */
  readonly name: string;
  readonly kind: 'panel' | 'annotation' | 'variable';
  readonly rawSql: string;
  readonly queryType?: 'timeseries' | 'table';
  readonly datasource?: { readonly uid: string };
}

/** Every query that a dashboard asks. */
export const queriesOf = ({ panels, annotations, templating }: Dashboard): readonly AskedQuery[] => [
  ...panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ refId, ...target }) => ({ ...target, name: `${title} ${refId}`, kind: 'panel' as const })),
  ),
  ...annotations.list.flatMap(({ name, target }) =>
    target === undefined ? [] : [{ ...target, name, kind: 'annotation' as const }],
  ),
  ...templating.list.flatMap(({ name, type, query }) =>
    type === 'query' && typeof query === 'string' ? [{ name, kind: 'variable' as const, rawSql: query }] : [],
  ),
];
