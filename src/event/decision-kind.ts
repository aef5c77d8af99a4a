import type { DecisionRecord } from './decision-event.ts';
import { type Bytes, bytesOf, json } from './line-bytes.ts';
import type { MergedRow } from './row-index.ts';

const sameTexts = (a: readonly string[], b: readonly string[]): boolean =>
  a === b || (a.length === b.length && a.every((text, index) => text === b[index]));

/** What a kind says in a line, in wire order: after the method, and after `remaining`. */
export interface KindBytes {
  readonly middle: Bytes;
  readonly tail: Bytes;
}

const kindBytesOf = (kind: DecisionKind): KindBytes => {
  const policy = `"policy":${json(kind.policy)},"policy_version":${json(kind.policyVersion)},"scope":${json(kind.scope)}`;
  const middle = `,${policy},"limit":${json(kind.limit)},"remaining":`;
  const outcome = `"outcome":${json(kind.outcome)},"source":${json(kind.source)},"degraded":${json(kind.degraded)}`;
  const candidate = `"candidate_outcome":${json(kind.candidateOutcome)},"compensated":${json(kind.compensated)}`;
  const tail = `,${outcome},"shadow_denied":${json(kind.shadowDenied)},${candidate},"cost":`;
  return { middle: bytesOf(middle), tail: bytesOf(tail) };
};

/**
 * What many decisions have in common and few differ in: all that a policy file and the state of the store say. Who asked
 * for what, when, and what it cost is not of it.
 */
export class DecisionKind {
  /** Unlike those of all other kinds of its index. */
  readonly id: number;
  readonly policy: string;
  readonly policyVersion: string;
  readonly scope: string;
  readonly limit: number;
  readonly outcome: DecisionRecord['outcome'];
  readonly source: DecisionRecord['source'];
  readonly degraded: DecisionRecord['degraded'];
  readonly shadowDenied: readonly string[];
  readonly candidateOutcome: DecisionRecord['candidateOutcome'];
  readonly compensated: DecisionRecord['compensated'];
  /** Whether clients were told of denials: whether `early` is a number. */
  readonly told: boolean;
  /** Where the latest decision of this kind went that found no room, until the rows are taken. */
  foldedRow: MergedRow | null = null;
  #bytes: KindBytes | null = null;

  constructor(record: DecisionRecord, id: number) {
    this.id = id;
    this.policy = record.policy;
    this.policyVersion = record.policyVersion;
    this.scope = record.scope;
    this.limit = record.limit;
    this.outcome = record.outcome;
    this.source = record.source;
    this.degraded = record.degraded;
    this.shadowDenied = record.shadowDenied;
    this.candidateOutcome = record.candidateOutcome;
    this.compensated = record.compensated;
    this.told = record.early !== null;
  }

  /** What differs most often comes first. */
  holds(record: DecisionRecord): boolean {
    return (
      this.policy === record.policy &&
      this.outcome === record.outcome &&
      this.source === record.source &&
      this.policyVersion === record.policyVersion &&
      this.scope === record.scope &&
      this.limit === record.limit &&
      this.degraded === record.degraded &&
      this.candidateOutcome === record.candidateOutcome &&
      this.compensated === record.compensated &&
      this.told === (record.early !== null) &&
      sameTexts(this.shadowDenied, record.shadowDenied)
    );
  }

  /** Its part of a line, made once. */
  get bytes(): KindBytes {
    this.#bytes ??= kindBytesOf(this);
    return this.#bytes;
  }
}

/** Kinds of one policy that are compared one by one: a policy with more is rare, and must not cost more than a key. */
const maxCompared = 8;

const keyOf = (record: DecisionRecord): string =>
  JSON.stringify([
    record.policy,
    record.outcome,
    record.source,
    record.policyVersion,
    record.scope,
    record.limit,
    record.degraded,
    record.candidateOutcome,
    record.compensated,
    record.early !== null,
    record.shadowDenied,
  ]);

/** Where kinds are looked for: by policy; of blocked decisions by block, of which one rule may have thousands. */
const placeOf = ({ outcome, policy, policyVersion }: DecisionRecord): string =>
  outcome === 'blocked' ? policyVersion : policy;

interface KindsOfPlace {
  readonly compared: DecisionKind[];
  /** The rest, by all that they are. */
  keyed: Map<string, DecisionKind> | null;
}

const comparedIn = ({ compared }: KindsOfPlace, record: DecisionRecord): DecisionKind | undefined => {
  for (const kind of compared) if (kind.holds(record)) return kind;
  return undefined;
};

/** The kinds that have been met. Its owner bounds it. */
export class KindIndex {
  readonly #byPlace = new Map<string, KindsOfPlace>();
  #latest: DecisionKind | undefined;
  #size = 0;
  readonly #withFolded: DecisionKind[] = [];

  get size(): number {
    return this.#size;
  }

  find(record: DecisionRecord): DecisionKind | undefined {
    if (this.#latest?.holds(record)) return this.#latest;
    const kinds = this.#byPlace.get(placeOf(record));
    if (!kinds) return undefined;
    const found = comparedIn(kinds, record) ?? kinds.keyed?.get(keyOf(record));
    if (found) this.#latest = found;
    return found;
  }

  /** Adds one that {@link find} did not find. */
  add(record: DecisionRecord): DecisionKind {
    const kind = new DecisionKind(record, this.#size);
    this.#size += 1;
    this.#latest = kind;
    const place = placeOf(record);
    const kinds = this.#byPlace.get(place);
    if (!kinds) this.#byPlace.set(place, { compared: [kind], keyed: null });
    else if (kinds.compared.length < maxCompared) kinds.compared.push(kind);
    else {
      kinds.keyed ??= new Map();
      kinds.keyed.set(keyOf(record), kind);
    }
    return kind;
  }

  rememberFolded(kind: DecisionKind, row: MergedRow): void {
    if (kind.foldedRow === null) this.#withFolded.push(kind);
    kind.foldedRow = row;
  }

  /** The rows are taken. */
  forgetFolded(): void {
    for (const kind of this.#withFolded) kind.foldedRow = null;
    this.#withFolded.length = 0;
  }
}
