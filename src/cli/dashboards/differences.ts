import { isDeepStrictEqual } from 'node:util';

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

/** What differs between two dashboards; nothing: they show the same. */
export interface Differences {
  /** Of the dashboard itself: `templating`, `time`, … */
  readonly fields: readonly string[];
  readonly panels: readonly PanelDifference[];
}
export interface PanelDifference {
  readonly change: 'added' | 'removed' | 'changed';
  readonly id: number;
  readonly title: string;
  /** Of a changed panel, what of it differs. */
  readonly fields: readonly string[];
}

/** What Grafana itself writes into a dashboard it stores. */
const grafanasOwn = new Set(['id', 'version', 'iteration', 'panels', 'folderUid', 'weekStart', 'gnetId']);

const isEmpty = (value: Json | undefined): boolean =>
  value === undefined ||
  value === null ||
  value === false ||
  value === '' ||
  (typeof value === 'object' && Object.values(value).every(isEmpty));

/** Without what says nothing: Grafana adds and drops such fields as it likes. */
const meaningOf = (value: Json | undefined): Json | undefined => {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return (value as readonly Json[]).map((one) => meaningOf(one) ?? null);
  const kept = Object.entries(value).filter(([, one]) => !isEmpty(one));
  return Object.fromEntries(kept.map(([key, one]) => [key, meaningOf(one)]));
};

export const isSame = (one: Json | undefined, other: Json | undefined): boolean =>
  (isEmpty(one) && isEmpty(other)) || isDeepStrictEqual(meaningOf(one), meaningOf(other));

/** Names of the fields that differ, those of `besides` aside. */
export const differingFields = (one: JsonObject, other: JsonObject, besides: ReadonlySet<string>): string[] =>
  [...new Set([...Object.keys(one), ...Object.keys(other)])]
    .filter((key) => !besides.has(key) && !isSame(one[key], other[key]))
    .sort();

interface Panel extends JsonObject {
  readonly id: number;
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
/** What of an answer is no object says nothing. */
export const objectAt = (body: JsonObject, name: string): JsonObject => {
  const value = body[name];
  return isObject(value) ? value : {};
};
const listAt = (body: JsonObject, name: string): Panel[] => {
  const value = body[name];
  return Array.isArray(value) ? (value as readonly Json[]).filter(isObject).map((panel) => panel as Panel) : [];
};

/** Panels of closed rows are within these. */
const panelsOf = (dashboard: JsonObject): Panel[] =>
  listAt(dashboard, 'panels').flatMap((panel) => [panel, ...listAt(panel, 'panels')]);
const titleOf = (panel: Panel): string => (typeof panel['title'] === 'string' ? panel['title'] : '');
const panelsWithin = new Set(['panels']);

/** What would change in a dashboard that is `present`, were it as `wanted`. */
export const differencesOf = (present: JsonObject, wanted: JsonObject): Differences => {
  const before = new Map(panelsOf(present).map((panel) => [panel.id, panel]));
  const after = new Map(panelsOf(wanted).map((panel) => [panel.id, panel]));
  const panels: PanelDifference[] = [];
  for (const [id, panel] of after) {
    const old = before.get(id);
    const fields = old === undefined ? [] : differingFields(old, panel, panelsWithin);
    if (old === undefined) panels.push({ change: 'added', id, title: titleOf(panel), fields });
    else if (fields.length > 0) panels.push({ change: 'changed', id, title: titleOf(panel), fields });
  }
  for (const [id, panel] of before) {
    if (!after.has(id)) panels.push({ change: 'removed', id, title: titleOf(panel), fields: [] });
  }
  return { fields: differingFields(present, wanted, grafanasOwn), panels };
};

export const areSame = ({ fields, panels }: Differences): boolean => fields.length === 0 && panels.length === 0;
