import { TidegateError } from '../errors.ts';
import type { Counter } from '../limiter/algorithms/counter.ts';
import type {
  Lease,
  LimitAnswer,
  LimitRequest,
  LimitReturn,
  LimitTerms,
  Spend,
  SpendResult,
} from '../limiter/limit-store.ts';
import { answerFrom } from '../limiter/spend.ts';
import type { Algorithm } from '../policy/policy.ts';
import { limitKey } from './keys.ts';
import type { ScriptCall } from './scripts.ts';

/** What one call of `lua/limits.lua` is about. Its header is the contract. */
export interface LimitCall {
  readonly prefix: string;
  /** Replaces the server's clock; 0: does not. */
  readonly nowUs: number;
  /** Least time that a written key lives. */
  readonly leastTtlMs: number;
}

const algorithmCodes: Readonly<Record<Algorithm, number>> = {
  'token-bucket': 1,
  'leaky-bucket': 2,
  'fixed-window': 3,
  'sliding-window': 4,
  concurrency: 5,
};
const modeCodes = { enforce: 1, shadow: 2, charge: 3 } as const;
/** More units in advance than this are not asked for: the largest cost beside them still makes a safe integer. */
const maxLeaseUnits = 2 ** 20 - 1;
const giveBackMode = 4;
const endLeaseMode = 5;

/** Two characters of 7 bits each: a byte each in UTF-8, too. */
const asText = (number: number): string => String.fromCharCode(number >> 7, number & 127);

/** Gathers what a call says; the same terms are said once, however many keys they are for. */
class CallWriter {
  readonly keys: string[] = [];
  readonly #keyNumbers = new Map<string, number>();
  readonly #terms: number[] = [];
  readonly #numbers = new Map<LimitTerms, Map<number, number>>();
  readonly #extras: (string | number)[] = [];
  #termCount = 0;
  #numbersText = '';

  add(key: string, terms: LimitTerms, { cost, mode, lease }: { cost: number; mode: number; lease: number }): void {
    this.#addNumber(this.#keyNumber(key));
    this.#addNumber(this.#termsNumber(terms, { cost, mode, lease }));
  }

  addExtra(extra: string | number): void {
    this.#extras.push(extra);
  }

  #addNumber(number: number): void {
    this.#numbersText += asText(number);
  }

  #keyNumber(key: string): number {
    const known = this.#keyNumbers.get(key);
    if (known !== undefined) return known;
    const number = this.keys.push(key);
    this.#keyNumbers.set(key, number);
    return number;
  }

  #termsNumber(terms: LimitTerms, { cost, mode, lease }: { cost: number; mode: number; lease: number }): number {
    const units = Math.min(lease, maxLeaseUnits);
    // Costs, modes and wishes of one policy differ seldom: one number stands for all three.
    const kind = (cost * 8 + mode) * (maxLeaseUnits + 1) + units;
    const known = this.#numbers.get(terms);
    const number = known?.get(kind);
    if (number !== undefined) return number;
    this.#termCount += 1;
    this.#terms.push(algorithmCodes[terms.algorithm], terms.periodUs, terms.capacity, cost, mode, units);
    if (known) known.set(kind, this.#termCount);
    else this.#numbers.set(terms, new Map([[kind, this.#termCount]]));
    return this.#termCount;
  }

  call({ nowUs, leastTtlMs }: LimitCall, sizes: string): ScriptCall {
    const args = [nowUs, leastTtlMs, this.#termCount, ...this.#terms, sizes, this.#numbersText, ...this.#extras];
    return { keys: this.keys, args };
  }
}

const isWindow = ({ algorithm }: LimitTerms): boolean => algorithm === 'fixed-window' || algorithm === 'sliding-window';

/** The call that answers these spends. */
export const spendCall = (spends: readonly Spend[], call: LimitCall): ScriptCall => {
  const writer = new CallWriter();
  let sizes = '';
  for (const spend of spends) {
    sizes += asText(spend.length);
    for (const { key, terms, cost, mode, permit, leaseUnits = 0 } of spend) {
      writer.add(limitKey(call.prefix, key, terms.algorithm), terms, {
        cost,
        mode: modeCodes[mode],
        lease: leaseUnits,
      });
      if (terms.algorithm === 'concurrency') writer.addExtra(permit ?? '');
    }
  }
  return writer.call(call, sizes);
};

/** The call that takes these units back. */
export const giveBackCall = (returns: readonly LimitReturn[], call: LimitCall): ScriptCall => {
  const writer = new CallWriter();
  for (const { key, terms, cost, spentAtUs, permit, lease } of returns) {
    const mode = lease === undefined ? giveBackMode : endLeaseMode;
    writer.add(limitKey(call.prefix, key, terms.algorithm), terms, { cost, mode, lease: 0 });
    if (terms.algorithm === 'concurrency') writer.addExtra(permit ?? '');
    if (isWindow(terms)) writer.addExtra(spentAtUs);
    if (lease !== undefined) writer.addExtra(lease);
  }
  return writer.call(call, asText(1).repeat(returns.length));
};

/** Reads a flat list of integers, in turn. */
class ReplyReader {
  readonly #reply: readonly unknown[];
  readonly #counter: Counter = { cells: new Float64Array(3), at: 0, places: null, grants: null };
  #at = 1;
  readonly nowUs: number;

  constructor(reply: unknown) {
    this.#reply = Array.isArray(reply) ? reply : [];
    const [nowUs] = this.#reply;
    this.nowUs = typeof nowUs === 'number' ? nowUs : Number.NaN;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#reply.length;
  }

  next(): number {
    const value = this.#reply[this.#at];
    this.#at += 1;
    if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
    throw new TidegateError('STORE_FAILED', 'Redis answered the limit script with something else than its contract');
  }

  /** The counter that the script tells of next, and whether it had room. */
  counter(algorithm: Algorithm): { counter: Counter; fits: boolean } {
    const first = this.next();
    const fits = first >= 0;
    const value = fits ? first : -1 - first;
    const { cells } = this.#counter;
    const { nowUs } = this;
    if (algorithm === 'token-bucket' || algorithm === 'leaky-bucket') cells[0] = nowUs + value;
    else if (algorithm === 'concurrency') {
      cells[0] = value;
      cells[1] = nowUs + this.next();
      cells[2] = nowUs + this.next();
    } else {
      cells[0] = nowUs - value;
      cells[1] = this.next();
      if (algorithm === 'sliding-window') cells[2] = this.next();
    }
    return { counter: this.#counter, fits };
  }

  lease(): Lease | null {
    const units = this.next();
    const expiresAfterUs = this.next();
    return units > 0 ? { id: this.nowUs + expiresAfterUs, units, expiresAfterUs } : null;
  }
}

/** Whether each fitted is known before any of them can be said to be taken: numbers first, answers after. */
const readSpend = (reader: ReplyReader, spend: Spend): SpendResult => {
  const { nowUs } = reader;
  const answers: LimitAnswer[] = [];
  let allowed = true;
  for (const request of spend) {
    const { counter, fits } = reader.counter(request.terms.algorithm);
    if (!fits && request.mode === 'enforce') allowed = false;
    const answer = answerFrom(counter, request, { nowUs, fits, taken: fits });
    const lease = (request.leaseUnits ?? 0) > 0 ? reader.lease() : null;
    answers.push(lease ? { ...answer, lease } : answer);
  }
  return { allowed, answers: allowed ? answers : answers.map((answer, at) => notHeld(answer, spend[at])), nowUs };
};

/** A request that was refused by another limit waits in no queue. */
const notHeld = (answer: LimitAnswer, request: LimitRequest | undefined): LimitAnswer =>
  answer.delayUs !== 0 && request?.mode === 'enforce' ? { ...answer, delayUs: 0 } : answer;

/** Takes the flat list of the script apart, spend by spend. Throws STORE_FAILED when it is not of its contract. */
export const readReply = (reply: unknown, spends: readonly Spend[]): SpendResult[] => {
  const reader = new ReplyReader(reply);
  const results = spends.map((spend) => readSpend(reader, spend));
  if (!reader.isAtEnd || !Number.isSafeInteger(reader.nowUs)) {
    throw new TidegateError('STORE_FAILED', 'Redis answered the limit script with another length than its contract');
  }
  return results;
};
