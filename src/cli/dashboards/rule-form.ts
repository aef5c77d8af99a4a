import type { Json, JsonObject } from './differences.ts';
import type { ShippedRule } from './shipped.ts';

/** Words of the files that the HTTP API has others for, or none. */
const filesOwn = new Set(['group', 'intervalSeconds', 'dashboardUid', 'panelId', 'keepFiringFor']);

/** A rule of the files as Grafana's HTTP API takes it: the panel it belongs to is two annotations there. */
export const ruleForApi = (rule: ShippedRule, folderUid: string): JsonObject => {
  const { group, dashboardUid, panelId, keepFiringFor, annotations } = rule;
  const kept = Object.entries(rule).filter(([name]) => !filesOwn.has(name));
  const link: Record<string, Json> = {};
  if (typeof dashboardUid === 'string') link['__dashboardUid__'] = dashboardUid;
  if (typeof panelId === 'number') link['__panelId__'] = String(panelId);
  return {
    orgID: 1,
    ...Object.fromEntries(kept),
    ...(typeof keepFiringFor === 'string' ? { keep_firing_for: keepFiringFor } : {}),
    annotations: { ...(annotations as JsonObject | undefined), ...link },
    folderUID: folderUid,
    ruleGroup: group,
    isPaused: rule['isPaused'] ?? false,
  };
};

/** What Grafana itself writes into a rule it stores; `isPaused` is for people to decide. */
export const grafanasOwnOfRule: ReadonlySet<string> = new Set([
  'id',
  'orgID',
  'updated',
  'provenance',
  'isPaused',
  'missingSeriesEvalsToResolve',
]);

const durationMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** `1m30s` and `90s` are one duration. */
const spanOf = (value: Json | undefined): Json | undefined => {
  if (typeof value !== 'string' || !/^(?:\d+(?:ms|[smhdw]))+$/.test(value)) return value;
  const parts = [...value.matchAll(/(\d+)(ms|[smhdw])/g)];
  return parts.reduce((sum, [, count = '0', unit = 's']) => sum + Number(count) * (durationMs[unit] ?? 0), 0);
};

interface Query extends JsonObject {
  readonly model?: JsonObject;
}

/** Grafana adds its defaults to the model of a query, and repeats the type outside of it. */
const defaultsOfModel = { intervalMs: 1000, maxDataPoints: 43_200 };
const queryForm = ({ model = {}, ...query }: Query): JsonObject => ({
  ...query,
  queryType: model['queryType'] ?? '',
  model: { ...defaultsOfModel, ...model },
});

/** Two rules that do the same are equal in this form. */
export const comparableRule = (rule: JsonObject): JsonObject => ({
  ...rule,
  for: spanOf(rule['for']),
  keep_firing_for: spanOf(rule['keep_firing_for']),
  data: ((rule['data'] ?? []) as readonly Query[]).map(queryForm),
});
