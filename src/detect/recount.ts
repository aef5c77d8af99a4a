import type { Evidence } from '../blocklist/block.ts';
import type { BlockSubject } from '../client.ts';
import { judge } from './judge.ts';
import { parseRouteTest } from './route-test.ts';
import type { Rule } from './rule.ts';
import { maxRoutes, newTally, type WindowTally } from './tally.ts';
import { evidenceOf } from './verdict.ts';

/** The decisions of one window and route that are evidence, by outcome, as somebody else has counted them. */
export interface RecountedRow {
  readonly windowStartMs: number;
  readonly outcome: 'allowed' | 'denied';
  /** Null: folded together with others. */
  readonly route: string | null;
  readonly decisions: number;
  readonly judged: number;
  readonly early: number;
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  readonly policies: readonly string[];
}

export interface RecountedMember {
  readonly windowStartMs: number;
  readonly client: string;
  readonly denied: number;
}

export interface Recount {
  readonly rule: Rule;
  readonly subject: BlockSubject;
  /** Of the evidence that is looked at again: where it stands in the log is taken over. */
  readonly log: Evidence['log'];
  readonly rows: readonly RecountedRow[];
  readonly members: readonly RecountedMember[];
}

export interface Recounted {
  readonly evidence: Evidence;
  /**
   * A window has more routes than a detector tells apart: which of them it named depends on the order of the log, and with
   * that `distinctRoutes` and `routes`. All else does not.
   */
  readonly isCrowded: boolean;
}

const addRow = (tally: WindowTally, row: RecountedRow): void => {
  const { route, decisions, outcome } = row;
  const isDenied = outcome === 'denied';
  const place = route === null ? -1 : tally.routes.indexOf(route);
  if (route !== null && place < 0) tally.routes.push(route, isDenied ? decisions : 0, isDenied ? 0 : decisions);
  else if (place >= 0) {
    const at = place + (isDenied ? 1 : 2);
    tally.routes[at] = Number(tally.routes[at]) + decisions;
  }
  if (!isDenied) {
    tally.allowed += decisions;
    return;
  }
  tally.denied += decisions;
  if (route === null) tally.other += decisions;
  else tally.deniedRoutes += 1;
  tally.judged += row.judged;
  tally.early += row.early;
  tally.policies = [...new Set([...tally.policies, ...row.policies])];
  const [firstMs, lastMs] = [row.firstAtMs - tally.startMs, row.lastAtMs - tally.startMs];
  tally.firstDeniedMs = tally.firstDeniedMs < 0 ? firstMs : Math.min(tally.firstDeniedMs, firstMs);
  tally.lastDeniedMs = Math.max(tally.lastDeniedMs, lastMs);
};

/** Whoever counted may not have told routes apart as the rule does. */
const isMeant = ({ match: { routes } }: Rule): ((row: RecountedRow) => boolean) => {
  if (!routes) return () => true;
  const tests = routes.flatMap((pattern) => parseRouteTest(pattern) ?? []);
  return ({ route }) => route !== null && tests.some((test) => test(route));
};

/** One for each route and outcome. */
const tallies = ({ rule, rows, members }: Recount): WindowTally[] => {
  const windows = new Map<number, WindowTally>();
  for (const row of rows.filter(isMeant(rule))) {
    const tally = windows.get(row.windowStartMs) ?? newTally(row.windowStartMs, rule.by === 'network');
    windows.set(row.windowStartMs, tally);
    addRow(tally, row);
  }
  for (const { windowStartMs, client, denied } of members) windows.get(windowStartMs)?.members?.push(client, denied, 0);
  return [...windows.values()].sort((left, right) => left.startMs - right.startMs);
};

/**
 * The evidence that the detector's own arithmetic makes of counts, such as stored rows give; null: nothing was denied.
 * Give the windows that could be meant, and more: the newest one with a row ends the stretch, as it does live.
 */
export const recount = (given: Recount): Recounted | null => {
  const { rule, subject, log } = given;
  const windows = tallies(given);
  const oldestMs = (windows.at(-1)?.startMs ?? 0) - (rule.windows.of - 1) * rule.windows.lengthMs;
  const stretch = windows.filter(({ startMs }) => startMs >= oldestMs);
  if (!stretch.some(({ denied }) => denied > 0)) return null;
  const judgement = judge(rule, stretch);
  const { partition } = log;
  return {
    evidence: { ...evidenceOf({ rule, subject, partition, judgement, stretch, hasMissed: false }), log },
    isCrowded: stretch.some(({ routes }) => routes.length > maxRoutes * 3),
  };
};
