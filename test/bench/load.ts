import { setImmediate as nextTurn } from 'node:timers/promises';
import { median } from './rounds.ts';

/** Calls between two turns of the event loop: timers must run as they do in a server. */
const callsPerTurn = 256;

/** The same pseudo-random indices below `size` in every run and for both sides. */
export const shuffledIndices = (size: number, length = 1 << 18): Uint32Array => {
  const indices = new Uint32Array(length);
  let state = 0x2545f491;
  for (let at = 0; at < length; at += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    indices[at] = Math.floor((state / 2 ** 32) * size);
  }
  return indices;
};

export interface SpinOptions {
  readonly roundMs: number;
  /** Part of the round: what is still owed after the last call. */
  readonly settle?: () => Promise<unknown>;
}

/** Calls per second of one caller that asks again as soon as it is answered. `step` gets a running number. */
export const callsPerSecond = async (
  step: (call: number) => unknown,
  { roundMs, settle }: SpinOptions,
): Promise<number> => {
  const startMs = performance.now();
  let calls = 0;
  while (performance.now() - startMs < roundMs) {
    for (let end = calls + callsPerTurn; calls < end; calls += 1) {
      const answer = step(calls);
      if (answer instanceof Promise) await answer;
    }
    await nextTurn();
  }
  await settle?.();
  return calls / ((performance.now() - startMs) / 1000);
};

export interface Drive extends SpinOptions {
  /** Callers at the same time, each waiting for its answer before it asks again. */
  readonly inFlight: number;
}

export interface Driven {
  readonly perSecond: number;
  /** Of every call, in order of its end. */
  readonly latenciesUs: readonly number[];
}

/** Many callers at once against something that answers later. */
export const drive = async (step: (call: number) => unknown, { inFlight, roundMs, settle }: Drive): Promise<Driven> => {
  const startMs = performance.now();
  const latenciesUs: number[] = [];
  let calls = 0;
  const caller = async (): Promise<void> => {
    for (let askedMs = performance.now(); askedMs - startMs < roundMs; ) {
      await step(calls++);
      const answeredMs = performance.now();
      latenciesUs.push((answeredMs - askedMs) * 1000);
      askedMs = answeredMs;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, caller));
  await settle?.();
  return { perSecond: calls / ((performance.now() - startMs) / 1000), latenciesUs };
};

export const p50 = (values: readonly number[]): number => median(values);

export const p99 = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? Number.NaN;
