import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { networkOf } from '../../../src/address.ts';
import { HeldList } from '../../../src/blocklist/held-list.ts';

const folder = fileURLToPath(new URL('../../../../shared/data', import.meta.url));
const paths = { networks: join(folder, 'datacenter-cidrs.txt.gz'), addresses: join(folder, 'ipsum.tsv.gz') };
const isThere = existsSync(paths.networks) && existsSync(paths.addresses);
if (!isThere) process.stderr.write('\n!!! SKIPPING the real block lists: no ../shared/data beside the checkout\n');

const linesOf = (path: string): string[] =>
  gunzipSync(readFileSync(path))
    .toString()
    .split('\n')
    .map((line) => line.split('\t', 1)[0] ?? '')
    .filter((line) => line !== '' && !line.startsWith('#'));

/** The same addresses in every run. */
const someAddresses = (count: number): string[] => {
  let state = 99;
  const byte = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  };
  return Array.from({ length: count }, () => `${byte()}.${byte()}.${byte()}.${byte()}`);
};

describe.skipIf(!isThere)('A replica of real lists', () => {
  it('finds of 42,566 networks and 120,000 addresses what their texts say, for everybody', () => {
    const nowMs = 1_750_000_000_000;
    const [networks, addresses] = [linesOf(paths.networks), linesOf(paths.addresses)];
    const list = new HeldList({ maxEntries: 1_000_000, maxNetworks: 200_000 });
    const terms = { expiresAtMs: nowMs + 1, action: { kind: 'refuse' } } as const;
    for (const id of networks) list.add({ subjectKey: `network:${id}`, blockId: 'l-dc', rule: 'dc', ...terms });
    for (const id of addresses) list.add({ subjectKey: `ip:${id}`, blockId: 'l-ipsum', rule: 'ipsum', ...terms });
    const [around, exactly] = [new Set(networks), new Set(addresses)];
    expect(list).toMatchObject({ networks: around.size, size: around.size + exactly.size, dropped: 0 });
    expect(around.size).toBe(42_566);
    const expected = (id: string): string | null => {
      if (exactly.has(id)) return `ip:${id}`;
      for (let v4 = 31; v4 >= 8; v4 -= 1) {
        const network = networkOf(id, { v4, v6: 64 }) ?? '';
        if (around.has(network)) return `network:${network}`;
      }
      return around.has(`${id}/32`) ? `network:${id}/32` : null;
    };
    const bases = networks.filter((_, at) => at % 20 === 0).map((text) => text.split('/', 1)[0] ?? '');
    const asked = [...someAddresses(3000), ...bases, ...addresses.filter((_, at) => at % 100 === 0)];
    let hits = 0;
    for (const id of asked) {
      const found = list.find({ kind: 'ip', id }, '', nowMs)?.subjectKey ?? null;
      if (found !== expected(id)) expect([id, found]).toEqual([id, expected(id)]);
      hits += found === null ? 0 : 1;
    }
    expect(hits).toBeGreaterThan(3000);
    expect(hits).toBeLessThan(asked.length);
    expect(addresses.every((id) => list.find({ kind: 'ip', id }, '', nowMs) !== null)).toBe(true);
  });
});
