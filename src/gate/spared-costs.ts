import type { LimitStore } from '../limiter/limit-store.ts';
import type { Policy } from '../policy/policy.ts';
import { requestFor } from './ask-limits.ts';
import type { Asked } from './asked.ts';
import type { Spared } from './ports.ts';

/** Nothing would have been asked. */
export const nothingSpared: Spared = { commands: 0, bytes: 0 };
/** By a store that sends nothing: it would have been called. */
const oneCall: Spared = { commands: 1, bytes: 0 };

interface Known {
  readonly policies: readonly Policy[];
  readonly spared: Spared;
}

/** Sets that begin with the same policy and are told apart; of more than these the one that was worked out first goes. */
const maxKnown = 16;

const samePolicies = (a: readonly Policy[], b: readonly Policy[]): boolean => {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index += 1) if (a[index] !== b[index]) return false;
  return true;
};

const samplePermit = (): string => '0123456789abcdef0123456789abcdef0123-0';

/**
 * What refusals of the block list spare the store. It is worked out for the first request of each set of policies and taken
 * for all: ids differ by a few bytes, and a flood of refused requests costs no more than a look-up.
 */
export class SparedCosts {
  readonly #store: Pick<LimitStore, 'costOf'>;
  /** By the first policy of a set: those of an old version are forgotten with it. */
  readonly #known = new WeakMap<Policy, Known[]>();

  constructor(store: Pick<LimitStore, 'costOf'>) {
    this.#store = store;
  }

  /** What asking these policies about this request would cost, by itself and with nothing answered in process. */
  of(asked: Asked, policies: readonly Policy[]): Spared {
    const [first] = policies;
    if (first === undefined) return nothingSpared;
    if (this.#store.costOf === undefined) return oneCall;
    const known = this.#known.get(first);
    if (known) for (const one of known) if (samePolicies(one.policies, policies)) return one.spared;
    const spared = this.#store.costOf(
      policies.map((policy) => requestFor(policy, { asked, nextPermit: samplePermit })),
    );
    const made = { policies, spared };
    if (!known) this.#known.set(first, [made]);
    else {
      if (known.length >= maxKnown) known.shift();
      known.push(made);
    }
    return spared;
  }
}
