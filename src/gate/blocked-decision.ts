import type { Blocked } from '../decision/decision.ts';
import type { Asked } from './asked.ts';
import type { Barred } from './block-check.ts';

/** What the gate says of a request that an entry of the block list refuses. */
export const blockedDecision = (
  { route, cost = 1 }: Asked,
  { client, entry, retryAfterMs }: Barred,
  policyVersion: string,
): Blocked => ({
  outcome: 'blocked',
  client,
  route,
  source: 'block-list',
  degraded: null,
  policyVersion,
  cost,
  limits: [],
  candidateOutcome: null,
  compensated: false,
  blockId: entry.blockId,
  rule: entry.rule,
  retryAfterMs,
});
