import type { AlertDefinition, Reading } from '../../src/alert/definition.ts';
import { type AlertInstance, instanceKeyOf } from '../../src/alert/instance.ts';

/** An alert about decisions, unless something else is said. */
export const definitionOf = (more: Partial<AlertDefinition> = {}): AlertDefinition => ({
  id: 'throttle-spike',
  severity: 'page',
  area: 'throttling',
  when: 'Denials are far above their baseline',
  unit: 'share',
  likely: [],
  summary: 'Denials of {{tenant}} rose to {{denied}} a minute',
  question: { kind: 'decisions', name: 'throttle-spike' },
  forMs: 60_000,
  keepFiringMs: 60_000,
  dashboard: { uid: 'tidegate-overview', panelId: 3 },
  ...more,
});

export const readingOf = (more: Partial<Reading> = {}): Reading => ({
  labels: { tenant: 'acme' },
  isFiring: true,
  value: 9,
  numbers: { denied: 420 },
  cause: 'one-client',
  ...more,
});

export const instanceOf = (more: Partial<AlertInstance> = {}): AlertInstance => {
  const { alert = 'throttle-spike', labels = { tenant: 'acme' }, startedAtMs = 1_750_000_000_000 } = more;
  return {
    alert,
    labels,
    id: `${instanceKeyOf(alert, labels)} ${startedAtMs.toString(36)}`,
    state: 'firing',
    startedAtMs,
    firedAtMs: startedAtMs + 60_000,
    resolvedAtMs: null,
    heldMs: 60_000,
    clearMs: null,
    missingMs: 0,
    returns: 0,
    lastResolvedAtMs: null,
    seen: { value: 9, numbers: { denied: 420 }, cause: 'one-client' },
    inhibitedBy: null,
    isGone: false,
    told: { firing: false, resolved: false },
    ...more,
  };
};
