import { ManualClock } from '../../src/clock.ts';
import { createGate, type Gate, type GateOptions } from '../../src/gate/gate.ts';
import { MemoryLimitStore } from '../../src/limiter/memory-limit-store.ts';
import { parsePolicies } from '../../src/policy/parse.ts';
import { staticPolicies } from '../../src/policy/static-source.ts';

export interface RecordingGate {
  readonly gate: Gate;
  readonly clock: ManualClock;
  /** One line per decision: `GET /orders/:id ip:127.0.0.1`. */
  readonly routes: readonly string[];
}

/** A gate on counters in memory with these policies (`{name: …}, …`), and what it decided on. */
export const recordingGate = (policies: string, options: Partial<GateOptions> = {}): RecordingGate => {
  const clock = new ManualClock();
  const routes: string[] = [];
  const gate = createGate({
    policies: staticPolicies(parsePolicies(`version: 1\npolicies: [${policies}]`)),
    store: new MemoryLimitStore({ clock }),
    clock,
    events: { record: ({ route, clientKind, client }) => routes.push(`${route} ${clientKind}:${client}`) },
    ...options,
  });
  return { gate, clock, routes };
};
