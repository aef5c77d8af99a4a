import { clientKeyOf } from '../client.ts';
import type { Decision, LimitState } from '../decision/decision.ts';
import type { DecisionRecord } from '../event/decision-event.ts';
import type { Asked } from './ask-limits.ts';

export interface Observed {
  readonly latencyUs: number;
  /** Null: nobody was told. */
  readonly early: boolean | null;
}

/** More shadow policies than this on one request are no experiment any more; an event stays small. */
const maxShadowDenied = 16;

const shadowDenied = (limits: readonly LimitState[]): string[] =>
  limits
    .filter(({ shadow, allowed }) => shadow && !allowed)
    .map(({ policy }) => policy)
    .slice(0, maxShadowDenied);

/** A decision as the event log keeps it. */
export const recordOf = (asked: Asked, decision: Decision, { latencyUs, early }: Observed): DecisionRecord => {
  const deciding = decision.outcome === 'blocked' ? null : decision.deciding;
  return {
    timeMs: asked.nowMs,
    tenant: asked.tenant,
    clientKind: decision.client.kind,
    client: decision.client.id,
    address: clientKeyOf(decision.client) === `ip:${asked.address}` ? '' : asked.address,
    route: asked.route,
    method: asked.method,
    policy: decision.outcome === 'blocked' ? decision.rule : (deciding?.policy ?? ''),
    policyVersion: decision.policyVersion,
    scope: deciding?.scope.join('+') ?? '',
    limit: deciding?.limit ?? 0,
    remaining: deciding?.remaining ?? 0,
    outcome: decision.outcome,
    source: decision.source,
    degraded: decision.degraded ?? '',
    shadowDenied: shadowDenied(decision.limits),
    cost: decision.cost,
    latencyUs,
    early,
  };
};
