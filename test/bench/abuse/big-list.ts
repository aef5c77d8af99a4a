import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { BlockEntry, BlockFeed } from '../../../src/blocklist/block-feed.ts';
import { nothingSwitchedOff } from '../../../src/blocklist/block-switches.ts';
import { BlockListReplica } from '../../../src/blocklist/replica.ts';
import { type Client, clientKeyOf } from '../../../src/client.ts';
import { systemClock } from '../../../src/clock.ts';

export const exactEntries = 1_000_000;
const realNetworks = resolve('..', 'shared', 'data', 'datacenter-cidrs.txt.gz');
const networkCount = 42_566;
const entriesPerPage = 5000;

/** Every number once, and nothing to be seen of the order: the factor is odd. */
const scattered = (index: number): number => Math.imul(index, 0x9e3779b1) >>> 0;

const fourOf = (number: number): string =>
  `${(number >>> 24) % 223 || 1}.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}`;

/** Of ten clients eight are IPv4 addresses, one is an IPv6 /64 and one a key. */
export const clientAt = (index: number): Client => {
  const number = scattered(index);
  if (index % 10 < 8) return { kind: 'ip', id: fourOf(number) };
  if (index % 10 === 9) return { kind: 'key', id: `sk_${number.toString(36)}` };
  return {
    kind: 'ip',
    id: `2001:db8:${(number >>> 16 || 1).toString(16)}:${(number & 0xffff || 1).toString(16)}::/64`,
  };
};

/** The networks of data centres where the file is at hand, else as many of the same lengths. */
export const networks = (): string[] => {
  try {
    return gunzipSync(readFileSync(realNetworks)).toString().trim().split('\n');
  } catch {
    process.stderr.write(`!!! no ${realNetworks}: made-up networks instead\n`);
    return Array.from({ length: networkCount }, (_, index) => {
      const length = 16 + (index % 9);
      return `${fourOf((scattered(index) >>> (32 - length)) << (32 - length))}/${length}`;
    });
  }
};

export interface BigListOptions {
  /** Each entry its own block, as a detector makes them; else all of them are of two lists. */
  readonly isIndividual?: boolean;
}

/** A million entries and the networks, a page at a time: the whole is never in memory. */
function* pagesOf({ isIndividual = false }: BigListOptions): Generator<BlockEntry[]> {
  const shared = { expiresAtMs: systemClock.nowMs() + 3_600_000, action: { kind: 'refuse' } } as const;
  for (let from = 0; from < exactEntries; from += entriesPerPage) {
    yield Array.from({ length: entriesPerPage }, (_, offset) => {
      const index = from + offset;
      const terms = isIndividual
        ? { blockId: `b-${index.toString(16).padStart(24, '0')}`, rule: 'breadth' }
        : { blockId: 'l-reputation', rule: 'reputation' };
      return { subjectKey: clientKeyOf(clientAt(index)), ...terms, ...shared };
    });
  }
  const ranges = networks();
  for (let from = 0; from < ranges.length; from += entriesPerPage) {
    const terms = { blockId: 'l-datacenters', rule: 'datacenters', ...shared };
    yield ranges.slice(from, from + entriesPerPage).map((id) => ({ subjectKey: `network:${id}`, ...terms }));
  }
}

/** A replica that has read all of it. */
export const bigReplica = async (options: BigListOptions = {}): Promise<BlockListReplica> => {
  const cursor = { epoch: 'bench', sequence: 0 };
  const pages = pagesOf(options);
  const feed: BlockFeed = {
    snapshot: () => {
      const { value = [], done = false } = pages.next() as IteratorResult<BlockEntry[], undefined>;
      const nextPage = done ? null : 'next';
      return Promise.resolve({ ...cursor, entries: value, exemptions: [], switches: nothingSwitchedOff, nextPage });
    },
    changesAfter: () => Promise.resolve({ kind: 'changes', cursor, changes: [] }),
    noteRefusals: () => Promise.resolve(),
  };
  const replica = new BlockListReplica({ feed, clock: systemClock });
  await replica.sync();
  return replica;
};

/** What people would write: the key of every client and network, and its block. */
export const bigMap = ({ isIndividual = false }: BigListOptions = {}): Map<string, BlockEntry> => {
  const map = new Map<string, BlockEntry>();
  for (const page of pagesOf({ isIndividual })) for (const entry of page) map.set(entry.subjectKey, entry);
  return map;
};
