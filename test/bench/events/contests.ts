import { systemClock } from '../../../src/clock.ts';
import type { DecisionRecord } from '../../../src/event/decision-event.ts';
import { createEmitter, type Emitter } from '../../../src/event/emitter.ts';
import type { FrameWriter } from '../../../src/event/event-log.ts';
import type { Contest, Duel, Setting } from '../contest.ts';
import { wireRowOf } from '../pipeline/records.ts';

const nothing: readonly string[] = [];

/** As a gate hands it over: an object of its own for each decision. */
const recordOf = (client: string): DecisionRecord => ({
  timeMs: systemClock.nowMs(),
  tenant: 'default',
  clientKind: 'key',
  client,
  address: '',
  route: 'GET /orders/:id',
  method: 'GET',
  policy: 'per-client',
  policyVersion: '0123456789ab',
  scope: 'client',
  limit: 1_000_000,
  remaining: 999_000,
  outcome: 'allowed',
  source: 'store',
  degraded: '',
  shadowDenied: nothing,
  candidateOutcome: '',
  compensated: 0,
  cost: 1,
  latencyUs: 4,
  early: false,
});

const openEmitter = (): Emitter => {
  const writer: FrameWriter = {
    partitions: 12,
    append: () => Promise.resolve(new Map()),
    close: () => Promise.resolve(),
  };
  return createEmitter({ writer, clock: systemClock, emitterId: 'bench', region: 'local' });
};

/** Decisions per second of a side that takes them by the batch. */
const perSecond = async (batch: (at: number) => unknown, size: number, roundMs: number): Promise<number> => {
  const startMs = performance.now();
  let decisions = 0;
  for (; performance.now() - startMs < roundMs; decisions += size) await batch(decisions);
  return decisions / ((performance.now() - startMs) / 1000);
};

interface SetUp {
  readonly clients: number;
  /** Decisions between two flushes. */
  readonly size: number;
  /** What the other side does with a batch, given the client of each of its decisions. */
  readonly theirs: (clients: readonly string[]) => unknown;
}

/** Coprime to any number of clients used here: a batch meets each client as often as any other, in no order of memory. */
const stride = 7919;

const against = ({ clients, size, theirs }: SetUp, { roundMs }: Setting): Promise<Duel> => {
  const ids = Array.from({ length: clients }, (_, index) => `client-${index}`);
  const batchAt = (from: number): string[] =>
    Array.from({ length: size }, (_, index) => ids[((from + index) * stride) % clients] ?? '');
  const emitter = openEmitter();
  const ours = async (from: number): Promise<void> => {
    for (const client of batchAt(from)) emitter.record(recordOf(client));
    await emitter.flush();
    const { recorded, sent, folded } = emitter.stats();
    if (recorded !== sent || folded > 0) throw new Error(`${recorded} recorded, ${sent} sent, ${folded} folded`);
  };
  return Promise.resolve({
    ours: () => perSecond(ours, size, roundMs),
    theirs: () => perSecond((from) => theirs(batchAt(from)), size, roundMs),
    close: () => emitter.close(),
  });
};

const stringified = (clients: readonly string[]): Buffer[] => {
  const bodies: Buffer[] = [];
  let lines: string[] = [];
  for (const [index, client] of clients.entries()) {
    lines.push(`${JSON.stringify(wireRowOf(recordOf(client), index + 1))}\n`);
    if (lines.length < 500) continue;
    bodies.push(Buffer.from(lines.join('')));
    lines = [];
  }
  return bodies;
};

const counted = (clients: readonly string[]): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const client of clients) counts.set(client, (counts.get(client) ?? 0) + 1);
  return counts;
};

const distinctDecisions: Contest = {
  name: 'distinct-decisions',
  unit: 'decisions/s',
  better: 'higher',
  reference: 'JSON.stringify of the same rows, 500 to a Buffer',
  aim: 1,
  about:
    'No two decisions of a batch of 15,000 merge. Ours is all of it: recorded, looked for, encoded, numbered, checksummed, in frames of 12 partitions. Beside it rows are only written as text and made into bytes.',
  open: (setting) => against({ clients: 100_000, size: 15_000, theirs: stringified }, setting),
};

const mergedDecisions: Contest = {
  name: 'merged-decisions',
  unit: 'decisions/s',
  better: 'higher',
  reference: 'a Map of counts by client',
  aim: null,
  about:
    'Batches of 100,000 decisions of 1,000 clients, merged and sent. Beside it a ceiling: nothing but one count per client in a Map.',
  open: (setting) => against({ clients: 1000, size: 100_000, theirs: counted }, setting),
};

/** What recording a decision costs, from the gate's hand to a frame on its way. */
export const events: readonly Contest[] = [distinctDecisions, mergedDecisions];
