import { setImmediate } from 'node:timers/promises';
import { networkOf } from '../address.ts';
import type { Client } from '../client.ts';
import type { Clock, ManualClock } from '../clock.ts';
import type { Decision } from '../decision/decision.ts';
import type { Emitter } from '../event/emitter.ts';
import type { Positions } from '../event/event-log.ts';
import type { Gate, GateRequest } from '../gate/gate.ts';
import type { LoggedRequest } from './access-log-line.ts';
import { Tally } from './tally.ts';

/** Something that handles the event log behind the gate, and can be waited for. */
export interface Follower {
  whenReached(positions: Positions): Promise<void>;
}

/** Where the time of a replay went, microseconds of wall time. */
export interface Phases {
  readonly decidingUs: number;
  /** Until the frames of each step were in the log. */
  readonly appendingUs: number;
  readonly detectingUs: number;
  /** Until the gate's copy of the block list had followed. */
  readonly followingUs: number;
}

/** What is asked at one instant, in this order. */
export interface Step {
  readonly timeMs: number;
  readonly requests: readonly GateRequest[];
}

/** Who sends requests. Instants ascend. */
export interface RequestSource {
  /** Null: nobody sends any more. */
  next(): Step | null;
  /** What became of a request of the last step. */
  answered?(index: number, decision: Decision): void;
}

export interface LockStepOptions {
  readonly source: RequestSource;
  /** The gate's clock: set to the time of each request. */
  readonly logClock: ManualClock;
  readonly wallClock: Clock;
  readonly gate: Gate;
  readonly emitter: Pick<Emitter, 'flush'>;
  readonly detector: Follower;
  readonly replica: { sync(): Promise<void> };
  /** Called after every step with the requests decided so far. */
  readonly onStep?: (decided: number) => void;
}

export interface LockStepResult {
  readonly tally: Tally;
  readonly phases: Phases;
  /** Distinct instants. */
  readonly steps: number;
}

/** Requests whose frames may be on their way: those of steps without a denial, which nobody waits for. */
const maxUnflushed = 256;

/** Within one instant; one connection carries their order to the counters. */
const maxAskedAtOnce = 64;

/** Steps between two looks at what else happens: a changed policy file, a signal. */
const stepsPerTurn = 64;

const clientOfAddress = (address: string): Client => ({ kind: 'ip', id: networkOf(address) ?? address });

/** The index behind the last request of the instant that begins at `from`. */
const stepEnd = (requests: readonly LoggedRequest[], from: number): number => {
  const timeMs = requests[from]?.timeMs;
  let end = from + 1;
  while (requests[end]?.timeMs === timeMs && end < requests.length) end += 1;
  return end;
};

/** The requests of an access log, which must be in order of time. */
export const loggedRequests = (requests: readonly LoggedRequest[]): RequestSource => {
  let from = 0;
  return {
    next: () => {
      const first = requests[from];
      if (!first) return null;
      const to = stepEnd(requests, from);
      const asked = requests
        .slice(from, to)
        .map(({ address, method, path }) => ({ clients: [clientOfAddress(address)], method, path }));
      from = to;
      return { timeMs: first.timeMs, requests: asked };
    },
  };
};

class LockStep {
  readonly #options: LockStepOptions;
  readonly #tally = new Tally();
  #unflushed = 0;
  readonly #us = { decidingUs: 0, appendingUs: 0, detectingUs: 0, followingUs: 0 };

  constructor(options: LockStepOptions) {
    this.#options = options;
  }

  async run(): Promise<LockStepResult> {
    const { source, logClock, replica, onStep } = this.#options;
    await replica.sync();
    let steps = 0;
    let decided = 0;
    for (let step = source.next(); step; step = source.next()) {
      logClock.setMs(step.timeMs);
      await this.#step(step.requests);
      steps += 1;
      decided += step.requests.length;
      onStep?.(decided);
      if (steps % stepsPerTurn === 0) await setImmediate();
    }
    return { tally: this.#tally, phases: { ...this.#us }, steps };
  }

  async #step(requests: readonly GateRequest[]): Promise<void> {
    const { emitter, detector, replica } = this.#options;
    const anyDenied = await this.#timed('decidingUs', () => this.#decide(requests));
    this.#unflushed += requests.length;
    // Only denials are evidence: no other step can change what the next one may do.
    if (!anyDenied && this.#unflushed < maxUnflushed) return;
    const positions = await this.#timed('appendingUs', () => emitter.flush());
    this.#unflushed = 0;
    if (!anyDenied) return;
    await this.#timed('detectingUs', () => detector.whenReached(positions));
    await this.#timed('followingUs', () => replica.sync());
  }

  /** Asked in the order of the log, so that the counters see it; answers may be on their way together. */
  async #decide(requests: readonly GateRequest[]): Promise<boolean> {
    const { gate, source } = this.#options;
    let anyDenied = false;
    for (let from = 0; from < requests.length; from += maxAskedAtOnce) {
      const asked = requests.slice(from, from + maxAskedAtOnce).map((request) => gate.check(request));
      for (const [index, decision] of (await Promise.all(asked)).entries()) {
        this.#tally.add(decision);
        source.answered?.(from + index, decision);
        anyDenied ||= decision.outcome === 'denied';
      }
    }
    return anyDenied;
  }

  async #timed<T>(phase: keyof Phases, work: () => Promise<T>): Promise<T> {
    const { wallClock } = this.#options;
    const startedUs = wallClock.monotonicUs();
    const result = await work();
    this.#us[phase] += wallClock.monotonicUs() - startedUs;
    return result;
  }
}

/**
 * Replays requests in log time. Time advances behind a denial only when the frames up to it are in the log, have been
 * judged, and the block list has followed: so a block starts with the instant behind its last evidence, on any
 * engine and at any speed.
 */
export const replayInLockStep = (options: LockStepOptions): Promise<LockStepResult> => new LockStep(options).run();
