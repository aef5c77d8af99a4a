import { systemClock } from '../../../src/clock.ts';
import { createEmitter } from '../../../src/event/emitter.ts';
import type { FrameWriter } from '../../../src/event/event-log.ts';
import { createGate, type Gate, type GateRequest } from '../../../src/gate/gate.ts';
import type { EventSink } from '../../../src/gate/ports.ts';
import { MemoryLimitStore } from '../../../src/limiter/memory-limit-store.ts';
import { policiesFrom } from '../../../src/policy/parse.ts';
import { staticPolicies } from '../../../src/policy/static-source.ts';
import type { Contest, Duel, Setting } from '../contest.ts';
import { perClient } from '../enforcement/ours.ts';
import { callsPerSecond } from '../load.ts';
import { evenRequests, mixAbout, skewedRequests } from './mix.ts';

/** Counters in this process, limits that are never reached. */
export const memoryGate = (events?: EventSink): Gate =>
  createGate({
    policies: staticPolicies(policiesFrom({ version: 1, policies: [perClient] })),
    store: new MemoryLimitStore({ maxKeys: 200_000 }),
    ...(events ? { events } : {}),
  });

/** A log that takes everything at once and only counts it. */
export const countingWriter = (): FrameWriter & { readonly bytes: number; readonly rows: number } => ({
  partitions: 12,
  bytes: 0,
  rows: 0,
  append(frames) {
    const counts = this as { bytes: number; rows: number };
    for (const { body, headers } of frames) {
      counts.bytes += body.length;
      counts.rows += headers.rows;
    }
    return Promise.resolve(new Map());
  },
  close: () => Promise.resolve(),
});

const overheadOf = (requests: readonly GateRequest[], maxRows: number, { roundMs }: Setting): Promise<Duel> => {
  const named = { emitterId: 'bench', region: 'local' };
  const emitter = createEmitter({ ...named, writer: countingWriter(), clock: systemClock, maxRows });
  const gates = { with: memoryGate(emitter), without: memoryGate() };
  const mask = requests.length - 1;
  const ask = (gate: Gate) => (call: number) => gate.check(requests[call & mask] as GateRequest);
  const settle = async (): Promise<void> => {
    await emitter.flush();
    const { recorded, sent, folded } = emitter.stats();
    if (recorded !== sent || folded > 0) throw new Error(`${recorded} recorded, ${sent} sent, ${folded} folded`);
  };
  return Promise.resolve({
    ours: () => callsPerSecond(ask(gates.with), { roundMs, settle }),
    theirs: () => callsPerSecond(ask(gates.without), { roundMs }),
    close: async () => {
      await emitter.close();
      await Promise.all([gates.with.close(), gates.without.close()]);
    },
  });
};

const shared = {
  unit: 'decisions/s',
  better: 'higher',
  reference: 'the same gate without events',
} as const;

const within =
  'merged, encoded into frames of 12 partitions and handed to a log that only counts, within the measured time';

export const gateEventsOverhead: Contest = {
  ...shared,
  name: 'gate-events-overhead',
  aim: 0.8,
  about: `One caller as fast as it can, limits in this process, ${mixAbout}. Events are ${within}.`,
  open: (setting) => overheadOf(skewedRequests(), 20_000, setting),
};

export const gateEventsOverheadEven: Contest = {
  ...shared,
  name: 'gate-events-overhead-even',
  aim: null,
  about: `The worst mix: 100,000 clients, each as often as any other, so that hardly two decisions of a quarter of a second agree. Events are ${within}.`,
  open: (setting) => overheadOf(evenRequests(), 200_000, setting),
};
