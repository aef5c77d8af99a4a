import { createHash } from 'node:crypto';
import type { Evidence, Verdict } from '../blocklist/block.ts';
import { type Client, clientKeyOf } from '../client.ts';
import type { Judgement } from './judge.ts';
import { incidentMs, type Rule } from './rule.ts';
import type { WindowTally } from './tally.ts';

const maxRoutes = 10;
const maxPolicies = 10;

export interface Conclusion {
  readonly rule: Rule;
  readonly client: Client;
  readonly tenant: string;
  readonly partition: number;
  readonly judgement: Judgement;
  /** Oldest first. */
  readonly stretch: readonly WindowTally[];
  /** Of the newest window in it. */
  readonly windowStartMs: number;
}

const sum = (stretch: readonly WindowTally[], field: 'denied' | 'allowed' | 'judged' | 'early'): number =>
  stretch.reduce((total, tally) => total + tally[field], 0);

const byCodePoint = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);

const evidenceOf = ({ rule, stretch, judgement, partition }: Conclusion): Evidence => {
  const withDenials = stretch.filter(({ denied }) => denied > 0);
  const denied = new Map<string, number>();
  for (const { routes } of withDenials) {
    for (const [route, tally] of routes) {
      if (tally.denied > 0) denied.set(route, (denied.get(route) ?? 0) + tally.denied);
    }
  }
  const routes = [...denied].map(([route, count]) => ({ route, denied: count }));
  routes.sort((left, right) => right.denied - left.denied || byCodePoint(left.route, right.route));
  const { lengthMs, of, hit: needed } = rule.windows;
  return {
    denied: sum(stretch, 'denied'),
    allowed: sum(stretch, 'allowed'),
    early: sum(stretch, 'judged') > 0 ? sum(stretch, 'early') : null,
    members: null,
    // Promotion knows, and puts it in.
    collateral: null,
    windows: { ...judgement, needed, of, windowMs: lengthMs },
    distinctRoutes: denied.size,
    routes: routes.slice(0, maxRoutes),
    policies: [...new Set(withDenials.flatMap(({ policies }) => [...policies]))]
      .sort(byCodePoint)
      .slice(0, maxPolicies),
    firstSeenAtMs: Math.min(...withDenials.map(({ firstDeniedAtMs }) => firstDeniedAtMs)),
    lastSeenAtMs: Math.max(...withDenials.map(({ lastDeniedAtMs }) => lastDeniedAtMs)),
    log: {
      partition,
      fromOffset: Math.min(...withDenials.map(({ fromOffset }) => fromOffset)),
      toOffset: Math.max(...withDenials.map(({ toOffset }) => toOffset)),
    },
  };
};

/** The verdict on a client. Its id depends on rule, client, tenant and incident alone. */
export const verdictOf = (conclusion: Conclusion): Verdict => {
  const { rule, client, tenant, windowStartMs } = conclusion;
  const incident = Math.floor(windowStartMs / incidentMs(rule)) * incidentMs(rule);
  const subject = JSON.stringify([rule.name, clientKeyOf(client), tenant, incident]);
  const evidence = evidenceOf(conclusion);
  return {
    id: createHash('sha256').update(subject).digest('hex').slice(0, 24),
    rule: rule.name,
    ruleHash: rule.hash,
    subject: client,
    tenant,
    atMs: evidence.lastSeenAtMs,
    evidence,
  };
};
