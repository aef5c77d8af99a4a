import type { JsonObject } from './differences.ts';
import type { Grafana } from './grafana.ts';
import { type DashboardStep, type GroupStep, groupRequest, type Plan, type RuleStep } from './plan.ts';

export interface ApplyOptions {
  readonly folderUid: string;
  /** What the history of a dashboard says of this version. */
  readonly message: string;
  /** Whether a dashboard that somebody changed since it was read is replaced all the same. */
  readonly overwrite: boolean;
  /** Told of each thing once it is done. */
  done(text: string): void;
}

const folderTitle = (folderUid: string): string => (folderUid === 'tidegate' ? 'Tidegate' : folderUid);
/** Rules that came over the API stay editable in Grafana. */
const editable = { 'x-disable-provenance': 'true' };

const saveDashboard = async (grafana: Grafana, step: DashboardStep, options: ApplyOptions): Promise<void> => {
  const { uid, wanted, version } = step;
  const { folderUid, message, overwrite } = options;
  await grafana.ask({
    method: 'POST',
    path: 'api/dashboards/db',
    what: `the dashboard ${uid}`,
    // With the version that was compared: a change in between is a conflict, and nobody's work is lost.
    body: { dashboard: { ...wanted, id: null, version }, folderUid, message, overwrite },
  });
};

const saveRule = async (grafana: Grafana, { act, uid, wanted }: RuleStep): Promise<void> => {
  const rules = 'api/v1/provisioning/alert-rules';
  const request = { what: `the alert rule ${uid}`, body: wanted, headers: editable };
  if (act === 'create') await grafana.ask({ method: 'POST', path: rules, ...request });
  else await grafana.ask({ method: 'PUT', path: `${rules}/${encodeURIComponent(uid)}`, ...request });
};

/** A group's interval can only be written together with its rules: with those that are there, whoever made them. */
const saveGroup = async (grafana: Grafana, { group, intervalSeconds }: GroupStep, folderUid: string): Promise<void> => {
  const request = groupRequest(group, folderUid);
  const { status, body } = await grafana.ask(request);
  const present = body as JsonObject;
  if (status === 404 || present['interval'] === intervalSeconds) return;
  const { path, what } = request;
  const changed = { ...present, interval: intervalSeconds };
  await grafana.ask({ method: 'PUT', path, what, body: changed, headers: editable });
};

/**
 * Does what the plan says, one after the other, and stops at the first refusal: what was done is told, and the next run
 * finds it unchanged. @throws TidegateError as `Grafana.ask`.
 */
export const applyPlan = async (grafana: Grafana, plan: Plan, options: ApplyOptions): Promise<void> => {
  const { folderUid, done } = options;
  if (plan.makesFolder) {
    const body = { uid: folderUid, title: folderTitle(folderUid) };
    await grafana.ask({ method: 'POST', path: 'api/folders', what: `the folder ${folderUid}`, body });
    done(`folder ${folderUid}`);
  }
  for (const step of plan.dashboards.filter(({ act }) => act !== 'unchanged')) {
    await saveDashboard(grafana, step, options);
    done(`dashboard ${step.uid}`);
  }
  for (const step of plan.rules.filter(({ act }) => act !== 'unchanged')) {
    await saveRule(grafana, step);
    done(`rule ${step.uid}`);
  }
  for (const step of plan.groups) await saveGroup(grafana, step, folderUid);
};
