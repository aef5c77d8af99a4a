import { messageOf } from '../errors.ts';
import type { LimitAnswer, LimitRequest, LimitReturn, Spend, SpendResult } from '../limiter/limit-store.ts';
import { tagOf } from './keys.ts';

/** Calls that each hold keys of one hash tag only, as a cluster demands. Both reject with TidegateError. */
export interface SlotCalls {
  spend(spends: readonly Spend[]): Promise<readonly SpendResult[]>;
  giveBack(returns: readonly LimitReturn[]): Promise<void>;
  /** Units that were taken from one slot, and could not be given back when another one denied or failed. */
  lost(returns: readonly LimitReturn[]): void;
}

/** Spends of one script call: long enough to share its cost, short enough not to hold up the server. */
const maxSpendsPerCall = 128;
/** And limits of theirs: Lua takes no more than 8,000 keys at a time. */
const maxLimitsPerCall = 4096;

/** Parts of a list that one call each can hold, in its order. `sizeOf`: limits of an item. */
export const inCalls = <T>(items: readonly T[], sizeOf: (item: T) => number): (readonly T[])[] => {
  const calls: (readonly T[])[] = [];
  let from = 0;
  let limits = 0;
  for (let at = 0; at < items.length; at += 1) {
    const size = sizeOf(items[at] as T);
    if (at > from && (at - from >= maxSpendsPerCall || limits + size > maxLimitsPerCall)) {
      calls.push(items.slice(from, at));
      from = at;
      limits = 0;
    }
    limits += size;
  }
  // Nearly always all of it.
  calls.push(from === 0 ? items : items.slice(from));
  return calls;
};

interface Waiting {
  readonly spend: Spend;
  resolve(result: SpendResult): void;
  reject(error: unknown): void;
}

/** What nobody could have run: keys of a slot that is being moved lie on two nodes, or all told of another one. */
const isInMotion = (error: unknown): boolean => {
  const cause = error instanceof Error ? error.cause : undefined;
  return /^(?:TRYAGAIN|Too many Cluster redirections)/.test(messageOf(cause));
};

/** Spends by hash tag, in their order. */
class SlotGroups {
  readonly #groups = new Map<number, Waiting[]>();

  add(tag: number, spend: Spend): Promise<SpendResult> {
    return new Promise((resolve, reject) => {
      const waiting = { spend, resolve, reject };
      const group = this.#groups.get(tag);
      if (group) group.push(waiting);
      else this.#groups.set(tag, [waiting]);
    });
  }

  send(calls: SlotCalls): void {
    for (const group of this.#groups.values()) {
      for (const call of inCalls(group, ({ spend }) => spend.length)) void sendTogether(call, calls);
    }
  }
}

const sendTogether = async (group: readonly Waiting[], calls: SlotCalls): Promise<void> => {
  try {
    const results = await calls.spend(group.map(({ spend }) => spend));
    for (const [index, { resolve }] of group.entries()) resolve(results[index] as SpendResult);
  } catch (error) {
    // Keys that have moved and keys that have not cannot share a call; most spends alone have one key.
    if (group.length > 1 && isInMotion(error)) for (const one of group) void sendTogether([one], calls);
    else for (const { reject } of group) reject(error);
  }
};

/** The limits of a spend that share a hash tag, by their place in it. */
const partsOf = (spend: Spend): ReadonlyMap<number, readonly number[]> => {
  const parts = new Map<number, number[]>();
  for (const [at, { key }] of spend.entries()) {
    const tag = tagOf(key);
    const part = parts.get(tag);
    if (part) part.push(at);
    else parts.set(tag, [at]);
  }
  return parts;
};

/** A spend as the calls see it that a cluster is asked with: one for each hash tag. */
export const inSlots = (spend: Spend): readonly Spend[] =>
  [...partsOf(spend).values()].map((places) => places.map((at) => spend[at] as LimitRequest));

/** Whether every limit of a spend has the same hash tag: without a list, since nearly all have. */
const onlyTag = ([first, ...others]: Spend): number | null => {
  const tag = first ? tagOf(first.key) : 0;
  return others.every(({ key }) => tagOf(key) === tag) ? tag : null;
};

/**
 * Answers each spend with one call per hash tag. Where limits of one spend lie in several, each is asked at the same time:
 * if one denies or fails, what the others took is given back.
 */
export const spendBySlot = (spends: readonly Spend[], calls: SlotCalls): readonly Promise<SpendResult>[] => {
  const groups = new SlotGroups();
  const answers = spends.map((spend) => {
    const tag = onlyTag(spend);
    return tag === null ? spendAcross(spend, groups, calls) : groups.add(tag, spend);
  });
  groups.send(calls);
  return answers;
};

/** The limits of a spend that share a hash tag, and what came of them. */
interface Part {
  readonly places: readonly number[];
  readonly spend: Spend;
  readonly result: SpendResult;
}

const spendAcross = async (spend: Spend, groups: SlotGroups, calls: SlotCalls): Promise<SpendResult> => {
  const asked = [...partsOf(spend)].map(async ([tag, places]): Promise<Part> => {
    const part = places.map((at) => spend[at] as LimitRequest);
    return { places, spend: part, result: await groups.add(tag, part) };
  });
  const settled = await Promise.allSettled(asked);
  const parts = settled.flatMap((part) => (part.status === 'fulfilled' ? [part.value] : []));
  const failure = settled.find((part) => part.status === 'rejected');
  if (!failure && parts.every(({ result }) => result.allowed)) return joined(parts, true);
  const undone = await Promise.all(parts.map((part) => undo(part, calls)));
  if (failure) throw failure.reason;
  const result = joined(undone, false);
  return undone.some((part, index) => part !== parts[index]) ? { ...result, compensated: true } : result;
};

/** What the enforced limits of a part have taken, leases included. The others are spent on their own. */
const takenBy = ({ spend, result }: Part): LimitReturn[] =>
  spend.flatMap(({ key, terms, cost, mode, permit }, at): LimitReturn[] => {
    if (!result.allowed || mode !== 'enforce') return [];
    const common = { key, terms, spentAtUs: result.nowUs };
    const lease = result.answers[at]?.lease;
    return [
      ...(cost > 0 ? [{ ...common, cost, ...(permit === undefined ? {} : { permit }) }] : []),
      ...(lease ? [{ ...common, cost: lease.units, lease: lease.id }] : []),
    ];
  });

/** Gives back what a part has taken, and says how its counters stand without it. A part that took nothing stays as it is. */
const undo = async (part: Part, calls: SlotCalls): Promise<Part> => {
  const returns = takenBy(part);
  if (returns.length === 0) return part;
  const peeks = part.spend.map((request): LimitRequest => ({ ...request, cost: 0, mode: 'shadow', leaseUnits: 0 }));
  // In the same turn to the same node, which runs them in this order.
  const [given, peeked] = await Promise.allSettled([calls.giveBack(returns), calls.spend([peeks])]);
  if (given.status === 'rejected') calls.lost(returns);
  const now = peeked.status === 'fulfilled' ? peeked.value[0]?.answers : undefined;
  const answers = part.result.answers.map((answer, at): LimitAnswer => {
    if (part.spend[at]?.mode !== 'enforce') return answer;
    const { remaining, resetAfterUs } = now?.[at] ?? answer;
    const { lease: _, ...rest } = answer;
    return { ...rest, remaining, resetAfterUs };
  });
  return { ...part, result: { ...part.result, answers } };
};

/** The result of a whole spend: one answer for each limit, in their order. */
const joined = (parts: readonly Part[], allowed: boolean): SpendResult => {
  const answers: LimitAnswer[] = [];
  for (const { places, spend, result } of parts) {
    for (const [index, at] of places.entries()) {
      const answer = result.answers[index] as LimitAnswer;
      // A request that was refused waits in no queue.
      answers[at] = allowed || spend[index]?.mode !== 'enforce' ? answer : { ...answer, delayUs: 0 };
    }
  }
  // Of several clocks the one that is behind: units given back too late are lost to the client, never to the limit.
  return { allowed, answers, nowUs: Math.min(...parts.map(({ result }) => result.nowUs)) };
};

/** Gives units back with one call per hash tag. Rejects with the first failure when all have been tried. */
export const giveBackBySlot = async (returns: readonly LimitReturn[], calls: SlotCalls): Promise<void> => {
  const groups = new Map<number, LimitReturn[]>();
  for (const given of returns) {
    const tag = tagOf(given.key);
    const group = groups.get(tag);
    if (group) group.push(given);
    else groups.set(tag, [given]);
  }
  const settled = await Promise.allSettled([...groups.values()].map((group) => calls.giveBack(group)));
  for (const outcome of settled) if (outcome.status === 'rejected') throw outcome.reason;
};
