import { areSame, type Differences, differencesOf, differingFields, type JsonObject, objectAt } from './differences.ts';
import type { Grafana } from './grafana.ts';
import { comparableRule, grafanasOwnOfRule, ruleForApi } from './rule-form.ts';
import type { ShippedDashboard, ShippedRule } from './shipped.ts';

export type Act = 'create' | 'update' | 'unchanged';

export interface DashboardStep {
  readonly kind: 'dashboard';
  readonly act: Act;
  readonly uid: string;
  readonly title: string;
  readonly wanted: JsonObject;
  /** The version that was compared; 0: there is none. */
  readonly version: number;
  readonly differences: Differences;
}

export interface RuleStep {
  readonly kind: 'rule';
  readonly act: Act;
  readonly uid: string;
  readonly title: string;
  readonly wanted: JsonObject;
  /** What of it differs. */
  readonly fields: readonly string[];
}

export interface GroupStep {
  readonly group: string;
  readonly intervalSeconds: number;
}

export interface Plan {
  /** Whether the folder has to be made. */
  readonly makesFolder: boolean;
  readonly dashboards: readonly DashboardStep[];
  readonly rules: readonly RuleStep[];
  readonly groups: readonly GroupStep[];
}

export interface Wanted {
  readonly dashboards: readonly ShippedDashboard[];
  readonly rules: readonly ShippedRule[];
  readonly folderUid: string;
}

/** Grafana gives no longer lists. */
const mostListed = 1000;
const noDifferences: Differences = { fields: [], panels: [] };

const dashboardStep = async (
  grafana: Grafana,
  wanted: ShippedDashboard,
  { folderUid, there }: { readonly folderUid: string; readonly there: ReadonlySet<string> },
): Promise<DashboardStep> => {
  const { uid, title } = wanted;
  const step = { kind: 'dashboard', uid, title, wanted } as const;
  const isNew = { ...step, act: 'create', version: 0, differences: noDifferences } as const;
  if (!there.has(uid)) return isNew;
  const path = `api/dashboards/uid/${encodeURIComponent(uid)}`;
  const { body } = await grafana.ask({ method: 'GET', path, what: `the dashboard ${uid}` });
  const [present, meta] = [objectAt(body as JsonObject, 'dashboard'), objectAt(body as JsonObject, 'meta')];
  const found = differencesOf(present, wanted);
  const isMoved = (meta['folderUid'] ?? '') !== folderUid;
  const differences = isMoved ? { ...found, fields: [...found.fields, 'folder'] } : found;
  return {
    ...step,
    act: areSame(differences) ? 'unchanged' : 'update',
    version: typeof present['version'] === 'number' ? present['version'] : 0,
    differences,
  };
};

const ruleStep = async (grafana: Grafana, rule: ShippedRule, folderUid: string): Promise<RuleStep> => {
  const { uid, title } = rule;
  const path = `api/v1/provisioning/alert-rules/${encodeURIComponent(uid)}`;
  const { status, body } = await grafana.ask({ method: 'GET', path, what: `the alert rule ${uid}`, expected: 404 });
  const wanted = ruleForApi(rule, folderUid);
  const step = { kind: 'rule', uid, title } as const;
  if (status === 404) return { ...step, wanted, act: 'create', fields: [] };
  const present = body as JsonObject;
  const fields = differingFields(comparableRule(present), comparableRule(wanted), grafanasOwnOfRule);
  // Somebody paused it there: a new release does not wake it.
  const kept = { ...wanted, isPaused: present['isPaused'] ?? false };
  return { ...step, wanted: kept, act: fields.length === 0 ? 'unchanged' : 'update', fields };
};

/** Groups that are evaluated at another interval than the files say, or are not there. */
const groupSteps = async (grafana: Grafana, rules: readonly ShippedRule[], folderUid: string): Promise<GroupStep[]> => {
  const wanted = new Map(rules.map(({ group, intervalSeconds }) => [group, intervalSeconds]));
  const steps: GroupStep[] = [];
  for (const [group, intervalSeconds] of wanted) {
    const { body } = await grafana.ask(groupRequest(group, folderUid));
    if ((body as JsonObject)['interval'] !== intervalSeconds) steps.push({ group, intervalSeconds });
  }
  return steps;
};

export const groupRequest = (group: string, folderUid: string) =>
  ({
    method: 'GET',
    path: `api/v1/provisioning/folder/${encodeURIComponent(folderUid)}/rule-groups/${encodeURIComponent(group)}`,
    what: `the group ${group} of alert rules`,
    expected: 404,
  }) as const;

/**
 * Which of these uids Grafana has. It is asked for a list: about a thing that is not there it says 403 to a token that may not see
 * everything, and not 404.
 */
const uidsIn = async (grafana: Grafana, path: string, what: string): Promise<ReadonlySet<string>> => {
  const { body } = await grafana.ask({ method: 'GET', path, what, list: true });
  return new Set((body as readonly JsonObject[]).map(({ uid }) => String(uid)));
};
const hasFolder = async (grafana: Grafana, folderUid: string): Promise<boolean> =>
  (await uidsIn(grafana, `api/folders?limit=${mostListed}`, 'its folders')).has(folderUid);
const dashboardsThere = (grafana: Grafana, uids: readonly string[]): Promise<ReadonlySet<string>> => {
  const query = uids.map((uid) => `&dashboardUIDs=${encodeURIComponent(uid)}`).join('');
  return uidsIn(grafana, `api/search?type=dash-db&limit=${mostListed}${query}`, 'its dashboards');
};

/** Compares what Grafana has with what is wanted. Changes nothing. @throws TidegateError as `Grafana.ask`. */
export const planFor = async (grafana: Grafana, { dashboards, rules, folderUid }: Wanted): Promise<Plan> => {
  const makesFolder = !(await hasFolder(grafana, folderUid));
  const dashboardSteps: DashboardStep[] = [];
  const uids = dashboards.map(({ uid }) => uid);
  const there = await dashboardsThere(grafana, uids);
  for (const one of dashboards) dashboardSteps.push(await dashboardStep(grafana, one, { folderUid, there }));
  const ruleSteps: RuleStep[] = [];
  for (const rule of rules) ruleSteps.push(await ruleStep(grafana, rule, folderUid));
  const groups = makesFolder ? intervalsOf(rules) : await groupSteps(grafana, rules, folderUid);
  return { makesFolder, dashboards: dashboardSteps, rules: ruleSteps, groups };
};

const intervalsOf = (rules: readonly ShippedRule[]): GroupStep[] =>
  [...new Map(rules.map(({ group, intervalSeconds }) => [group, intervalSeconds]))].map(([group, intervalSeconds]) => ({
    group,
    intervalSeconds,
  }));

export const changesNothing = ({ makesFolder, dashboards, rules, groups }: Plan): boolean =>
  !makesFolder && groups.length === 0 && [...dashboards, ...rules].every(({ act }) => act === 'unchanged');
