import type { BlockEntry } from '../../src/blocklist/block-feed.ts';
import { type Client, subjectKeyOf } from '../../src/client.ts';
import type { BlockLookup, Spared } from '../../src/gate/ports.ts';

/** An entry that refuses and never ends, but for what is changed. */
export const entryFor = (subjectKey: string, change: Partial<BlockEntry> = {}): BlockEntry => ({
  subjectKey,
  blockId: 'b1',
  rule: 'breadth',
  expiresAtMs: Number.MAX_SAFE_INTEGER,
  action: { kind: 'refuse' },
  ...change,
});

/** A block list of exact entries that notes what it is asked and told. */
export class FakeLookup implements BlockLookup {
  readonly entries = new Map<string, BlockEntry>();
  readonly asked: string[] = [];
  readonly told: { readonly blockId: string; readonly spared: Spared }[] = [];
  readonly off = new Set<string>();
  /** Keys of clients that are exempt. */
  readonly exempt = new Set<string>();
  /** Who was asked about as exempt. */
  readonly askedExempt: string[] = [];

  constructor(entries: readonly BlockEntry[] = []) {
    for (const entry of entries) this.entries.set(entry.subjectKey, entry);
  }

  find(client: Client, tenant: string): BlockEntry | null {
    const key = subjectKeyOf(client);
    this.asked.push(key);
    if (this.exempt.has(key)) return null;
    return this.entries.get(subjectKeyOf({ ...client, tenant })) ?? this.entries.get(key) ?? null;
  }

  isExempt(client: Client): boolean {
    const key = subjectKeyOf(client);
    this.askedExempt.push(key);
    return this.exempt.has(key);
  }

  hasExemptSenders(): boolean {
    return [...this.exempt].some((key) => !key.startsWith('ip:'));
  }

  isOff(what: string): boolean {
    return this.off.has(what);
  }

  refused({ blockId }: BlockEntry, spared: Spared): void {
    this.told.push({ blockId, spared });
  }
}
