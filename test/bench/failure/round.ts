import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Sample } from '../contest.ts';
import { p50, p99 } from '../load.ts';
import type { Fault, Scene } from './faults.ts';
import { type Answer, gates, limit, type Side } from './side.ts';

/** Requests come whether earlier ones are answered or not, as they do to a server. */
const tickMs = 5;
const perTick = 10;
const warmUpMs = 150;
const calmMs = 300;
const faultMs = 800;
const afterMs = 200;
/** Nobody is waited for longer: that is the value then. */
const recoverWithinMs = 3_000;
/** Every other request is of the client that pushes; the others are of many. */
const others = 5_000;

interface Seen extends Answer {
  readonly pushing: boolean;
  readonly latencyUs: number;
}

/** Asks at a steady rate until told to stop, and notes every answer by the phase in which it was asked. */
class Load {
  readonly #side: Side;
  readonly #pushing = `pushing-${randomBytes(6).toString('hex')}`;
  readonly #running: Promise<void>[] = [];
  #phase: Seen[] = [];
  #calls = 0;
  readonly all: Seen[] = [];

  constructor(side: Side) {
    this.#side = side;
  }

  /** Runs for a while; gives what was asked in it, once it is answered. */
  async for(ms: number): Promise<readonly Seen[]> {
    const phase: Seen[] = [];
    this.#phase = phase;
    const first = this.#running.length;
    const startedMs = performance.now();
    for (let due = 0; due * tickMs < ms; due += 1) {
      await pause(Math.max(0, startedMs + due * tickMs - performance.now()));
      for (let call = 0; call < perTick; call += 1) this.#running.push(this.#ask());
    }
    await Promise.all(this.#running.slice(first));
    return phase;
  }

  async #ask(): Promise<void> {
    const phase = this.#phase;
    const call = this.#calls;
    this.#calls += 1;
    const pushing = call % 2 === 0;
    const client = pushing ? this.#pushing : `client-${Math.imul(call, 2654435761) % others}`;
    const askedMs = performance.now();
    const answer = await this.#side.ask(call >> 1, client);
    const seen = { ...answer, pushing, latencyUs: (performance.now() - askedMs) * 1000 };
    phase.push(seen);
    this.all.push(seen);
  }
}

const latenciesOf = (seen: readonly Seen[]): number[] => seen.map(({ latencyUs }) => latencyUs);

/** How long it takes until every gate has had an answer of the store again, milliseconds. */
const recover = async (side: Side): Promise<number> => {
  const startedMs = performance.now();
  const waiting = new Set(Array.from({ length: gates }, (_, index) => index));
  for (let call = 0; waiting.size > 0; call += 1) {
    if (performance.now() - startedMs > recoverWithinMs) return recoverWithinMs;
    for (const gate of waiting) {
      const { decider } = await side.ask(gate, `recovering-${call}`);
      if (decider === 'store') waiting.delete(gate);
    }
    await pause(2);
  }
  return performance.now() - startedMs;
};

/** What a gate may admit of one client in a round, in limits: from the store, and from each gate's share. */
export const boundOf = ({ forgets }: Fault): number => (forgets ? 2 : 1) + (gates * Math.ceil(limit / gates)) / limit;

/** One round of one side: calm, then the fault, then the way back. */
const playSide = async (side: Side, fault: Fault, scene: Scene): Promise<Sample> => {
  const load = new Load(side);
  await load.for(warmUpMs);
  const calm = latenciesOf(await load.for(calmMs));
  await fault.start(scene);
  const faulty = await load.for(faultMs);
  await fault.end(scene);
  const recoveryMs = await recover(side);
  await load.for(afterMs);
  await side.settle();
  const admitted = load.all.filter(({ pushing, allowed }) => pushing && allowed).length;
  const withoutStore = faulty.filter(({ decider }) => decider === 'elsewhere').length;
  return {
    'calm-p50': p50(calm),
    'calm-p99': p99(calm),
    p50: p50(latenciesOf(faulty)),
    p99: p99(latenciesOf(faulty)),
    'without-store': withoutStore / faulty.length,
    'admitted-of-bound': admitted / limit / boundOf(fault),
    recovery: recoveryMs,
  };
};

/** A round has connections of its own: what the fault has done to the other side's must not weigh on it. */
export const playRound = async (open: (url: string) => Promise<Side>, fault: Fault, scene: Scene): Promise<Sample> => {
  const side = await open(scene.url);
  try {
    return await playSide(side, fault, scene);
  } finally {
    await side.close();
  }
};
