import { channel } from 'node:diagnostics_channel';
import type { ObservedDecision, ObservedFacts, ObservedLoss, ObservedPolicies } from './observed.ts';

/** What is published of a decision. */
export interface DecisionMessage<Decision = ObservedDecision> extends ObservedFacts {
  readonly decision: Decision;
}

/** The channels of `node:diagnostics_channel`, with what a message on them is. */
export const channels = {
  decision: {
    name: 'tidegate:decision',
    when: 'each decision',
    message: '`{ decision, method, tenant, latencyUs, early }`',
  },
  degraded: {
    name: 'tidegate:degraded',
    when: 'each decision taken without the primary store; `decision.degraded` says why',
    message: 'the same',
  },
  policies: {
    name: 'tidegate:policies',
    when: 'each policy set that comes into force, the first of a gate included',
    message: '`{ version, policies }`',
  },
  countersLost: {
    name: 'tidegate:counters-lost',
    when: 'each loss of counters that a member of the fleet finds in the store',
    message: '`{ kind, expectedBeats, foundBeats }`',
  },
} as const;

// A channel that nobody holds on to is forgotten, and its subscribers with it.
const decisions = channel(channels.decision.name);
const degraded = channel(channels.degraded.name);
const policies = channel(channels.policies.name);
const losses = channel(channels.countersLost.name);

/** Publishes to whoever listens. Costs two booleans when nobody does. */
export const decisionTaken = (decision: ObservedDecision, facts: ObservedFacts): void => {
  const tells = decisions.hasSubscribers;
  const tellsDegraded = decision.degraded !== null && degraded.hasSubscribers;
  if (!tells && !tellsDegraded) return;
  const message: DecisionMessage = { decision, ...facts };
  if (tells) decisions.publish(message);
  if (tellsDegraded) degraded.publish(message);
};

export const policiesLoaded = (set: ObservedPolicies): void => {
  if (policies.hasSubscribers) policies.publish(set);
};

export const countersLost = (loss: ObservedLoss): void => {
  if (losses.hasSubscribers) losses.publish(loss);
};
