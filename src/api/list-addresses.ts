import { AddressReader } from '../blocklist/address-number.ts';
import type { BlockEntry, Exemption } from '../blocklist/block-feed.ts';
import { rangeOf } from '../blocklist/subject.ts';
import { widestPrefixLengths } from '../blocklist/subject-text.ts';
import { subjectFromKey } from '../client.ts';

/** An address or network as every proxy spells it, and what becomes of who comes from there. */
export interface AddressLine {
  /** `203.0.113.9` and `203.0.113.0/24`, `2001:db8::/64`. */
  readonly network: string;
  readonly prefixLength: number;
  /** `pass`: it is allowed, or only slowed down, inside of something that is refused. */
  readonly then: 'refuse' | 'pass';
}

const reader = new AddressReader();

/** The id of an address or network that holds in every tenant; null: it is somebody else. */
const plainIdOf = (subjectKey: string): string | null => {
  if (subjectKey.startsWith('ip:')) return subjectKey.slice(3);
  return subjectKey.startsWith('network:') ? subjectKey.slice(8) : null;
};

/**
 * Null: no address, one of a tenant alone, or a network so wide that nobody can mean it. Only canonical spellings get
 * through, so that nothing that a client is called can be more than an address in a file of configuration.
 */
const lineOf = (subjectKey: string, then: AddressLine['then']): AddressLine | null => {
  const network = plainIdOf(subjectKey);
  const family = network === null ? 0 : reader.read(network);
  if (network === null || family === 0) return null;
  const { prefixLength } = reader;
  const widest = family === 4 ? widestPrefixLengths.v4 : widestPrefixLengths.v6;
  return prefixLength < widest || !reader.isAligned() ? null : { network, prefixLength, then };
};

interface Range {
  readonly from: string;
  readonly to: string;
}

/** Networks nest or are apart: those within another add nothing. Sorted. */
const outermost = (ranges: readonly Range[]): readonly Range[] => {
  const sorted = [...ranges].sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : a.to > b.to ? -1 : 1));
  const kept: Range[] = [];
  for (const range of sorted) {
    const last = kept.at(-1);
    if (last === undefined || range.to > last.to) kept.push(range);
  }
  return kept;
};

/** Who is allowed everywhere: an entry inside of it refuses nobody, whatever proxies make of the narrower one. */
export class AllowedAddresses {
  readonly lines: readonly AddressLine[];
  readonly #byFamily: ReadonlyMap<string, readonly Range[]>;

  constructor(exemptions: readonly Exemption[]) {
    const lines: AddressLine[] = [];
    const families = new Map<string, Range[]>();
    for (const { subjectKey } of exemptions) {
      const line = lineOf(subjectKey, 'pass');
      const subject = line && subjectFromKey(subjectKey);
      const range = subject && rangeOf(subject);
      if (line === null || !range) continue;
      lines.push(line);
      families.set(range.family, [...(families.get(range.family) ?? []), range]);
    }
    this.lines = lines;
    this.#byFamily = new Map([...families].map(([family, ranges]) => [family, outermost(ranges)]));
  }

  /** Whether all of it is allowed. */
  covers(subjectKey: string): boolean {
    if (this.#byFamily.size === 0) return false;
    const subject = subjectFromKey(subjectKey);
    const range = subject && rangeOf(subject);
    const ranges = range && this.#byFamily.get(range.family);
    if (!ranges) return false;
    let [low, high] = [0, ranges.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ranges[middle]?.from ?? '') <= range.from) low = middle + 1;
      else high = middle;
    }
    return (ranges[low - 1]?.to ?? '') >= range.to;
  }
}

/** What a proxy can do with an entry; null: nothing, it is left out. */
export const addressLineOf = ({ subjectKey, action }: BlockEntry, allowed: AllowedAddresses): AddressLine | null => {
  const line = lineOf(subjectKey, action.kind === 'refuse' ? 'refuse' : 'pass');
  return line === null || allowed.covers(subjectKey) ? null : line;
};
