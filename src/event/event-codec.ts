import { clientKinds } from '../client.ts';
import { decisionSources, outcomes } from '../decision/decision.ts';
import { candidateOutcomes, type DecisionEvent, wireNames } from './decision-event.ts';
import { encodeRow, oneOf, parseRow, text, texts, whole } from './row-fields.ts';

/** One event as one line of NDJSON, without the line break, in wire order. What an emitter writes is the same, faster. */
export const encodeEvent = (event: DecisionEvent): string => encodeRow(event, wireNames);

export const degradedReasons = ['', 'timeout', 'error', 'breaker-open', 'read-only'] as const;
export const candidateAnswers = ['', ...candidateOutcomes] as const;

/**
 * The inverse of {@link encodeEvent}. Unknown fields are left out, for a newer emitter may add some; of an older one's
 * event those that were added since are taken for what they would have been. Throws FRAME_CORRUPT.
 */
export const decodeEvent = (line: string): DecisionEvent => {
  const row = parseRow(line);
  return {
    timeMs: whole(row, wireNames.timeMs),
    emitter: text(row, wireNames.emitter),
    partition: whole(row, wireNames.partition),
    seq: whole(row, wireNames.seq, 1),
    region: text(row, wireNames.region),
    tenant: text(row, wireNames.tenant),
    clientKind: oneOf(row, wireNames.clientKind, clientKinds),
    client: text(row, wireNames.client),
    address: text(row, wireNames.address),
    route: text(row, wireNames.route),
    method: text(row, wireNames.method),
    policy: text(row, wireNames.policy),
    policyVersion: text(row, wireNames.policyVersion),
    scope: text(row, wireNames.scope),
    limit: whole(row, wireNames.limit),
    remaining: whole(row, wireNames.remaining),
    outcome: oneOf(row, wireNames.outcome, outcomes),
    source: oneOf(row, wireNames.source, decisionSources),
    degraded: oneOf(row, wireNames.degraded, degradedReasons),
    shadowDenied: texts(row, wireNames.shadowDenied),
    candidateOutcome: wireNames.candidateOutcome in row ? oneOf(row, wireNames.candidateOutcome, candidateAnswers) : '',
    compensated: wireNames.compensated in row ? oneOf(row, wireNames.compensated, [0, 1]) : 0,
    cost: whole(row, wireNames.cost),
    latencyUs: whole(row, wireNames.latencyUs),
    early: row[wireNames.early] === null ? null : whole(row, wireNames.early),
    count: whole(row, wireNames.count, 1),
  };
};
