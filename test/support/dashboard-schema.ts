import { type TSchema, Type } from 'typebox';

/**
 * Grafana's published schema of a dashboard (its source, kinds/dashboard/dashboard_kind.cue), as much of it as generated
 * dashboards may use: objects are closed, as there. `placement` and the lowest threshold's null are of later releases.
 */
const closed = (properties: Record<string, TSchema>): TSchema =>
  Type.Object(properties, { additionalProperties: false });
const maybe = (schema: TSchema): TSchema => Type.Optional(schema);
const oneOf = (...values: readonly (string | number)[]): TSchema =>
  Type.Union(values.map((value) => Type.Literal(value)));
const text = Type.String();
const flag = Type.Boolean();
const anything = Type.Unknown();
const free = Type.Record(Type.String(), Type.Unknown());
const whole = (minimum: number, maximum?: number): TSchema =>
  Type.Integer({ minimum, ...(maximum === undefined ? {} : { maximum }) });

const source = closed({ type: maybe(text), uid: maybe(text) });
const link = closed({
  title: text,
  type: oneOf('link', 'dashboards'),
  icon: text,
  tooltip: text,
  url: maybe(text),
  tags: Type.Array(text),
  asDropdown: flag,
  targetBlank: flag,
  includeVars: flag,
  keepTime: flag,
  placement: maybe(oneOf('inControlsMenu')),
});
const thresholds = closed({
  mode: oneOf('absolute', 'percentage'),
  steps: Type.Array(closed({ value: Type.Union([Type.Number(), Type.Null()]), color: text })),
});
const mapping = closed({ type: oneOf('value', 'range', 'regex', 'special'), options: free });
const color = closed({ mode: text, fixedColor: maybe(text), seriesBy: maybe(oneOf('min', 'max', 'last')) });
const matcher = closed({ id: text, options: maybe(anything) });
const fieldConfig = closed({
  defaults: closed({
    displayName: maybe(text),
    description: maybe(text),
    filterable: maybe(flag),
    unit: maybe(text),
    decimals: maybe(Type.Number()),
    min: maybe(Type.Number()),
    max: maybe(Type.Number()),
    mappings: maybe(Type.Array(mapping)),
    thresholds: maybe(thresholds),
    color: maybe(color),
    links: maybe(Type.Array(anything)),
    noValue: maybe(text),
    custom: maybe(free),
  }),
  overrides: Type.Array(
    closed({ matcher, properties: Type.Array(closed({ id: Type.String({ minLength: 1 }), value: maybe(anything) })) }),
  ),
});
const gridPos = closed({ h: whole(1), w: whole(1, 24), x: whole(0, 23), y: whole(0) });
/** As the data source reads it. */
const target = closed({
  refId: Type.String({ minLength: 1 }),
  datasource: source,
  editorType: oneOf('sql'),
  queryType: oneOf('timeseries', 'table'),
  format: oneOf(0, 1),
  rawSql: Type.String({ minLength: 1 }),
  pluginVersion: text,
});
const panel = closed({
  id: whole(1),
  type: oneOf(
    'stat',
    'timeseries',
    'table',
    'heatmap',
    'bargauge',
    'barchart',
    'state-timeline',
    'gauge',
    'piechart',
    'text',
  ),
  title: maybe(text),
  description: maybe(text),
  transparent: flag,
  datasource: maybe(source),
  gridPos,
  links: maybe(Type.Array(link)),
  repeat: maybe(text),
  repeatDirection: maybe(oneOf('h', 'v')),
  maxDataPoints: maybe(Type.Number()),
  transformations: maybe(
    Type.Array(closed({ id: text, disabled: maybe(flag), filter: maybe(matcher), options: anything })),
  ),
  interval: maybe(text),
  timeFrom: maybe(text),
  timeShift: maybe(text),
  targets: maybe(Type.Array(target)),
  options: free,
  fieldConfig: maybe(fieldConfig),
});
const row = closed({
  id: whole(1),
  type: Type.Literal('row'),
  collapsed: flag,
  title: maybe(text),
  gridPos,
  panels: Type.Array(panel),
});
/** Variables are open in the published schema. */
const variable = Type.Object({
  type: oneOf('query', 'adhoc', 'constant', 'datasource', 'interval', 'textbox', 'custom', 'system'),
  name: Type.String({ pattern: '^\\w+$' }),
  label: maybe(text),
  datasource: maybe(source),
});
const annotation = closed({
  name: text,
  datasource: source,
  enable: flag,
  hide: maybe(flag),
  iconColor: text,
  builtIn: maybe(whole(0, 1)),
  placement: maybe(oneOf('inControlsMenu')),
  type: maybe(text),
  target: maybe(target),
});

export const dashboardSchema = closed({
  uid: Type.String({ pattern: '^[a-zA-Z0-9_-]{1,40}$' }),
  title: Type.String({ minLength: 1 }),
  description: maybe(text),
  tags: maybe(Type.Array(text)),
  timezone: maybe(text),
  editable: flag,
  graphTooltip: oneOf(0, 1, 2),
  time: maybe(closed({ from: text, to: text })),
  fiscalYearStartMonth: maybe(whole(0, 11)),
  liveNow: maybe(flag),
  refresh: maybe(text),
  schemaVersion: whole(36),
  panels: Type.Array(Type.Union([panel, row])),
  templating: closed({ list: Type.Array(variable) }),
  annotations: closed({ list: Type.Array(annotation) }),
  links: maybe(Type.Array(link)),
});
