import type { Client } from '../client.ts';
import type { Decision, LimitState } from '../decision/decision.ts';
import type { DecisionRecord } from '../event/decision-event.ts';
import type { Asked } from './asked.ts';

export interface Observed {
  readonly latencyUs: number;
  /** Null: nobody was told. */
  readonly early: boolean | null;
}

/** More shadow policies than this on one request are no experiment any more; an event stays small. */
const maxShadowDenied = 16;

const none: readonly string[] = [];

const deniesInShadow = ({ shadow, allowed }: LimitState): boolean => shadow && !allowed;

const shadowDenied = (limits: readonly LimitState[]): readonly string[] =>
  limits.some(deniesInShadow)
    ? limits
        .filter(deniesInShadow)
        .map(({ policy }) => policy)
        .slice(0, maxShadowDenied)
    : none;

/** An address beside the client it belongs to says nothing new. */
const addressBeside = ({ kind, id }: Client, address: string): string =>
  kind === 'ip' && id === address ? '' : address;

const scopeText = (scope: readonly string[]): string => (scope.length > 1 ? scope.join('+') : (scope[0] ?? ''));

/** A decision as the event log keeps it. */
export const recordOf = (asked: Asked, decision: Decision, { latencyUs, early }: Observed): DecisionRecord => {
  const deciding = decision.outcome === 'blocked' ? null : decision.deciding;
  return {
    timeMs: asked.nowMs,
    tenant: asked.tenant,
    clientKind: decision.client.kind,
    client: decision.client.id,
    address: addressBeside(decision.client, asked.address),
    route: asked.route,
    method: asked.method,
    policy: decision.outcome === 'blocked' ? decision.rule : (deciding?.policy ?? ''),
    policyVersion: decision.outcome === 'blocked' ? decision.blockId : decision.policyVersion,
    scope: deciding ? scopeText(deciding.scope) : '',
    limit: deciding?.limit ?? 0,
    remaining: deciding?.remaining ?? 0,
    outcome: decision.outcome,
    source: decision.source,
    degraded: decision.degraded ?? '',
    shadowDenied: shadowDenied(decision.limits),
    candidateOutcome: decision.candidateOutcome ?? '',
    compensated: decision.compensated ? 1 : 0,
    cost: decision.cost,
    latencyUs,
    early,
  };
};
