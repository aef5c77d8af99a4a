import { randomBytes } from 'node:crypto';
import { type BlockSubject, type Client, subjectFromKey, subjectKeyOf } from '../client.ts';
import { AskedSubject, networkId, ScopeTable } from './scope-table.ts';
import { expiryAt, expiryMsIn, isInForce, metaAt, millisecondBits, type SegmentTable } from './segment-table.ts';

/** Of the scope of all tenants, and of one tenant. */
const shapes = {
  everywhere: { segmentBits: 9, cellBits: 16 },
  tenant: { segmentBits: 2, cellBits: 4 },
} as const;

const latestSecond = 0xffffffff;
const millisecondMask = (1 << millisecondBits) - 1;

/** Who is meant; null where the text is no subject. */
const subjectOf = (subjectKey: string): BlockSubject | null => {
  try {
    return subjectFromKey(subjectKey);
  } catch {
    // A tenant that is not escaped as it should be: a subject that cannot be read is nobody.
    return null;
  }
};

export interface Placed {
  readonly subjectKey: string;
  /** 0 or below: has ended. */
  readonly untilMs: number;
}

/** What is told of each subject when all are walked through. */
export interface Walked {
  readonly subjectKey: string;
  readonly untilMs: number;
  readonly meta: number;
}

/**
 * One word for each subject, until an instant: in memory that follows the number of subjects closely, found without making
 * anything. A client is found by itself before networks around it, in its tenant before everywhere, and by the longest
 * prefix first; what has ended is passed over.
 */
export class SubjectTable {
  /** Where {@link find} has found something. */
  table: SegmentTable;
  slot = -1;
  readonly #seeds = new Int32Array(new Uint8Array(randomBytes(16)).buffer);
  readonly #everywhere = new ScopeTable({ seeds: this.#seeds, ...shapes.everywhere });
  readonly #tenants = new Map<string, ScopeTable>();
  readonly #asked = new AskedSubject();
  #scope: ScopeTable = this.#everywhere;
  #isNetwork = false;
  #sweptTable = 0;
  #sweptSegment = 0;

  constructor() {
    this.table = this.#everywhere.table;
  }

  get size(): number {
    let size = this.#everywhere.size;
    for (const tenant of this.#tenants.values()) size += tenant.size;
    return size;
  }

  get networks(): number {
    let networks = this.#everywhere.networks;
    for (const tenant of this.#tenants.values()) networks += tenant.networks;
    return networks;
  }

  /** The word of what hits this client of this tenant; 0: nothing does. */
  find({ kind, id }: Client, tenant: string, nowMs: number): number {
    const asked = this.#asked;
    asked.ask(kind, id);
    const own = this.#tenants.size === 0 ? undefined : this.#tenants.get(tenant);
    this.#isNetwork = false;
    if (own !== undefined) {
      const meta = this.#found(own, own.findExactly(asked), nowMs);
      if (meta !== 0) return meta;
    }
    const everywhere = this.#everywhere;
    const meta = this.#found(everywhere, everywhere.findExactly(asked), nowMs);
    if (meta !== 0 || asked.family === 0) return meta;
    this.#isNetwork = true;
    const ownSlot = own === undefined ? -1 : own.findAround(asked, nowMs);
    const slot = everywhere.findAround(asked, nowMs);
    const isOwn = own !== undefined && ownSlot >= 0 && (slot < 0 || own.foundLength >= everywhere.foundLength);
    return isOwn ? this.#found(own, ownSlot, nowMs) : this.#found(everywhere, slot, nowMs);
  }

  /** When what {@link find} has found ends. */
  foundUntilMs(): number {
    return expiryMsIn(this.table.segment, this.slot);
  }

  /** Whom it is about, given the client and the tenant that it was found for. */
  foundSubjectKey({ kind, id }: Client, tenant: string): string {
    const scope = this.#scope;
    const isEverywhere = scope === this.#everywhere;
    if (!this.#isNetwork) return isEverywhere ? `${kind}:${id}` : subjectKeyOf({ kind, id, tenant });
    const network = { kind: 'network', id: networkId(this.#asked, scope.foundLength) } as const;
    return subjectKeyOf(isEverywhere ? network : { ...network, tenant });
  }

  /** The word that this subject has now, in force or not; 0: none. */
  get(subjectKey: string): number {
    const slot = this.#locate(subjectKey);
    return slot < 0 ? 0 : (this.#scope.table.segment[slot + metaAt] ?? 0);
  }

  /** Gives the word it had before, 0 for none; null: it cannot be held. */
  set({ subjectKey, untilMs }: Placed, meta: number): number | null {
    const subject = subjectOf(subjectKey);
    if (subject === null) return null;
    const scope = this.#scopeOf(subject.tenant);
    this.#asked.ask(subject.kind, subject.id);
    const slot = scope.put(this.#asked);
    if (slot < 0) {
      this.#forgetEmpty(subject.tenant, scope);
      return null;
    }
    const { segment } = scope.table;
    const before = segment[slot + metaAt] ?? 0;
    const seconds = Math.min(Math.max(0, Math.floor(untilMs / 1000)), latestSecond);
    segment[slot + expiryAt] = seconds | 0;
    segment[slot + metaAt] = meta | (seconds === latestSecond ? 0 : Math.max(0, Math.floor(untilMs - seconds * 1000)));
    this.table = scope.table;
    this.slot = slot;
    return before;
  }

  /** The word it had; 0 for none. */
  remove(subjectKey: string): number {
    const slot = this.#locate(subjectKey);
    if (slot < 0) return 0;
    const scope = this.#scope;
    const before = scope.table.segment[slot + metaAt] ?? 0;
    scope.remove(this.#asked, slot);
    const tenant = subjectOf(subjectKey)?.tenant;
    this.#forgetEmpty(tenant, scope);
    return before;
  }

  /** Goes on taking out what has ended, where it stopped the last time, for about so many slots. */
  sweep(nowMs: number, slots: number, ended: (meta: number) => void): void {
    const tables = this.#tables();
    const segments = tables.reduce((sum, { named }) => sum + named.table.segmentCount, 0);
    let left = slots;
    for (let looked = 0; looked < segments && left > 0; ) {
      const at = tables[this.#sweptTable];
      if (at === undefined || this.#sweptSegment >= at.named.table.segmentCount) {
        this.#sweptTable = at === undefined ? 0 : this.#sweptTable + 1;
        this.#sweptSegment = 0;
        continue;
      }
      looked += 1;
      const { table } = at.named;
      left -= 1 + at.scope.sweep({ table, index: this.#sweptSegment, nowMs }, ended);
      this.#sweptSegment += 1;
      if (at.tenant !== undefined) this.#forgetEmpty(at.tenant, at.scope);
    }
  }

  /** All there is, a segment at a time; what changes meanwhile may be told or not. */
  *walk(): Generator<readonly Walked[]> {
    for (const { tenant, named } of this.#tables()) {
      const { table } = named;
      for (let index = 0; index < table.segmentCount; index += 1) {
        const segment = table.segmentAt(index);
        if (segment.length === 0) continue;
        const walked: Walked[] = [];
        for (let slot = 0; slot < segment.length; slot += table.stride) {
          const meta = segment[slot + metaAt] ?? 0;
          if (meta === 0) continue;
          const subject = named.subjectAt(index, slot);
          const subjectKey = subjectKeyOf(tenant === undefined ? subject : { ...subject, tenant });
          walked.push({ subjectKey, untilMs: expiryMsIn(segment, slot), meta: meta & ~millisecondMask });
        }
        if (walked.length > 0) yield walked;
      }
    }
  }

  #found(scope: ScopeTable, slot: number, nowMs: number): number {
    if (slot < 0) return 0;
    const { table } = scope;
    if (!isInForce(table.segment, slot, nowMs)) return 0;
    this.#scope = scope;
    this.table = table;
    this.slot = slot;
    return (table.segment[slot + metaAt] ?? 0) & ~millisecondMask;
  }

  /** The slot of exactly this subject, in {@link #scope}; -1: there is none. */
  #locate(subjectKey: string): number {
    const subject = subjectOf(subjectKey);
    if (subject === null) return -1;
    const scope = subject.tenant === undefined ? this.#everywhere : this.#tenants.get(subject.tenant);
    if (scope === undefined) return -1;
    this.#scope = scope;
    this.#asked.ask(subject.kind, subject.id);
    return scope.findExactly(this.#asked);
  }

  #scopeOf(tenant: string | undefined): ScopeTable {
    if (tenant === undefined) return this.#everywhere;
    let scope = this.#tenants.get(tenant);
    if (scope === undefined) {
      scope = new ScopeTable({ seeds: this.#seeds, ...shapes.tenant });
      this.#tenants.set(tenant, scope);
    }
    return scope;
  }

  #forgetEmpty(tenant: string | undefined, scope: ScopeTable): void {
    if (tenant !== undefined && scope.size === 0) this.#tenants.delete(tenant);
  }

  #tables() {
    const of = (scope: ScopeTable, tenant?: string) => scope.namedTables().map((named) => ({ scope, tenant, named }));
    return [...of(this.#everywhere), ...[...this.#tenants].flatMap(([tenant, scope]) => of(scope, tenant))];
  }
}
