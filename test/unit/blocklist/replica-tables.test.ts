import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalAddress, networkOf } from '../../../src/address.ts';
import { AddressReader, sixText } from '../../../src/blocklist/address-number.ts';
import type { BlockAction } from '../../../src/blocklist/block.ts';
import type { BlockEntry } from '../../../src/blocklist/block-feed.ts';
import { HeldList } from '../../../src/blocklist/held-list.ts';
import { type BlockSubject, type Client, subjectKeyOf } from '../../../src/client.ts';
import { naiveFind } from '../../support/naive-block-list.ts';

const nowMs = 1_750_000_000_000;
const limits = { maxEntries: 1_000_000, maxNetworks: 200_000 };
const refuse: BlockAction = { kind: 'refuse' };

const entryOf = (subject: BlockSubject, change: Partial<BlockEntry> = {}): BlockEntry => ({
  subjectKey: subjectKeyOf(subject),
  blockId: 'm-1',
  rule: 'manual',
  expiresAtMs: nowMs + 1,
  action: refuse,
  ...change,
});

const ip = (id: string): Client => ({ kind: 'ip', id });
const network = (id: string, tenant?: string): BlockSubject => ({
  kind: 'network',
  id,
  ...(tenant === undefined ? {} : { tenant }),
});

/** Few addresses close together, so that networks lie in each other and clients in networks. */
const four = fc
  .tuple(
    fc.constantFrom(203, 10),
    fc.constantFrom(0, 1, 255),
    fc.constantFrom(0, 113, 128),
    fc.integer({ min: 0, max: 255 }),
  )
  .map((parts) => parts.join('.'));
const six = fc
  .array(fc.constantFrom(0, 1, 0x8000, 0xffff), { minLength: 6, maxLength: 6 })
  .map((groups) => canonicalAddress(`2001:db8:${groups.map((group) => group.toString(16)).join(':')}`) ?? '');
const fourNetwork = fc
  .tuple(four, fc.integer({ min: 8, max: 31 }))
  .map(([address, v4]) => networkOf(address, { v4, v6: 64 }) ?? '');
const sixNetwork = fc
  .tuple(six, fc.integer({ min: 16, max: 127 }))
  .map(([address, v6]) => networkOf(address, { v4: 32, v6 }) ?? '');
const ids = fc.constantFrom('a', 'ä', '日本', 'a:b', 'a/b', 'A', 'x'.repeat(128), '~other', '203.0.113.9');
const clients = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .oneof(
        four,
        six.map((id) => networkOf(id) ?? ''),
        six,
        fourNetwork,
      )
      .map(ip),
  },
  fc.tuple(fc.constantFrom('key' as const, 'user' as const), ids).map(([kind, id]): Client => ({ kind, id })),
);
const tenants = fc.constantFrom('', 'acme', 'ümlaut/%:');
const subjects = fc
  .tuple(
    fc.oneof(
      clients,
      fc.oneof(fourNetwork, sixNetwork).map((id) => network(id)),
    ),
    fc.option(
      tenants.filter((tenant) => tenant !== ''),
      { freq: 4, nil: undefined },
    ),
  )
  .map(([subject, tenant]): BlockSubject => (tenant === undefined ? subject : { ...subject, tenant }));
const actions = fc.constantFrom<BlockAction>(refuse, { kind: 'limit', limit: 5, windowMs: 1000 });
const blockIds = fc.constantFrom(
  'l-list',
  'm-1',
  `b-${'0f'.repeat(12)}`,
  `b-${'f0'.repeat(12)}`,
  `m-${'ff'.repeat(12)}`,
);
const entries = fc
  .tuple(subjects, blockIds, actions, fc.integer({ min: -2000, max: 5000 }))
  .map(([subject, blockId, action, leftMs]) => entryOf(subject, { blockId, action, expiresAtMs: nowMs + leftMs }));

type Step =
  | { readonly kind: 'add'; readonly entry: BlockEntry }
  | { readonly kind: 'remove'; readonly at: number; readonly blockId: string }
  | { readonly kind: 'sweep'; readonly passedMs: number };
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: entries.map((entry): Step => ({ kind: 'add', entry })) },
    fc.tuple(fc.nat(200), blockIds).map(([at, blockId]): Step => ({ kind: 'remove', at, blockId })),
    fc.integer({ min: 0, max: 3000 }).map((passedMs): Step => ({ kind: 'sweep', passedMs })),
  ),
  { minLength: 1, maxLength: 120 },
);

describe('HeldList', () => {
  it('finds what a look at every entry finds, after any adds, removals and sweeps', () => {
    fc.assert(
      fc.property(steps, fc.array(fc.tuple(clients, tenants), { minLength: 20, maxLength: 40 }), (all, asked) => {
        const list = new HeldList(limits);
        const model = new Map<string, BlockEntry>();
        let timeMs = nowMs;
        for (const step of all) {
          if (step.kind === 'add') {
            list.add(step.entry);
            model.set(step.entry.subjectKey, step.entry);
          } else if (step.kind === 'remove') {
            const subjectKey = [...model.keys()][step.at % Math.max(1, model.size)] ?? 'ip:9.9.9.9';
            list.apply({ kind: 'removed', sequence: 1, entries: [{ subjectKey, blockId: step.blockId }] });
            if (model.get(subjectKey)?.blockId === step.blockId) model.delete(subjectKey);
          } else {
            timeMs += step.passedMs;
            list.sweep(timeMs);
            for (const [key, entry] of model) if (entry.expiresAtMs <= timeMs) model.delete(key);
          }
          for (const [client, tenant] of asked) {
            expect(list.find(client, tenant, timeMs)).toEqual(
              naiveFind(model.values(), { client, tenant, nowMs: timeMs }),
            );
          }
        }
        expect(new Map([...list.entries()].flat().map((entry) => [entry.subjectKey, entry]))).toEqual(model);
        expect(list.size).toBe(model.size);
        expect(list.networks).toBe([...model.keys()].filter((key) => key.includes('network:')).length);
      }),
      { numRuns: 50 },
    );
  });

  it('takes nobody for somebody else, among many that share the front of their ids', () => {
    const list = new HeldList(limits);
    const held = Array.from({ length: 20_000 }, (_, index) => `customer-${index}`);
    for (const id of held) list.add(entryOf({ kind: 'key', id }));
    expect(held.every((id) => list.find({ kind: 'key', id }, '', nowMs)?.subjectKey === `key:${id}`)).toBe(true);
    expect(held.some((id) => list.find({ kind: 'user', id }, '', nowMs) !== null)).toBe(false);
    expect(held.some((id) => list.find({ kind: 'key', id: `${id}x` }, '', nowMs) !== null)).toBe(false);
  });

  it('answers with the same object from the second time on, and with another one after a change', () => {
    const list = new HeldList(limits);
    const subject = { kind: 'ip', id: '203.0.113.9' } as const;
    list.add(entryOf(subject, { blockId: `b-${'01'.repeat(12)}` }));
    list.find(subject, '', nowMs);
    const first = list.find(subject, '', nowMs);
    expect(list.find({ ...subject }, '', nowMs)).toBe(first);
    list.apply({
      kind: 'removed',
      sequence: 1,
      entries: [{ subjectKey: 'ip:203.0.113.9', blockId: first?.blockId ?? '' }],
    });
    list.add(entryOf(subject, { blockId: `b-${'02'.repeat(12)}` }));
    expect(list.find(subject, '', nowMs)?.blockId).toBe(`b-${'02'.repeat(12)}`);
  });

  it('blocks an address inside a blocked network on the terms of the address', () => {
    const list = new HeldList(limits);
    const limit: BlockAction = { kind: 'limit', limit: 10, windowMs: 60_000 };
    list.add(entryOf(network('203.0.113.0/24')));
    list.add(entryOf({ kind: 'ip', id: '203.0.113.9' }, { action: limit }));
    expect(list.find(ip('203.0.113.9'), '', nowMs)?.action).toEqual(limit);
    expect(list.find(ip('203.0.113.8'), '', nowMs)?.action).toEqual(refuse);
  });

  it.each(['0.0.0.0/0', '10.0.0.0/7', '::/0', '2000::/15', 'nonsense', '203.0.113.0/33', '::ffff:1.2.3.0/120'])(
    'leaves out a network that is no network or too wide to be meant, and counts it: %s',
    (id) => {
      const list = new HeldList(limits);
      list.add(entryOf(network(id)));
      expect(list).toMatchObject({ size: 0, dropped: 1 });
      expect(list.find(ip('10.1.2.3'), '', nowMs)).toBeNull();
    },
  );

  it.each(['', 'ip:', 'who:is', '%zz/ip:203.0.113.9'])('leaves out a subject that cannot be read: %j', (subjectKey) => {
    const list = new HeldList(limits);
    list.add({ ...entryOf(ip('203.0.113.9')), subjectKey });
    list.apply({ kind: 'removed', sequence: 1, entries: [{ subjectKey, blockId: 'm-1' }] });
    expect(list).toMatchObject({ size: 0, dropped: 1 });
  });

  it('exempts a client, or all of a network, from whatever entry hits them, until the exemption ends', () => {
    const list = new HeldList(limits);
    list.add(entryOf(network('203.0.112.0/20')));
    list.exempt({ subjectKey: 'ip:203.0.113.9', untilMs: nowMs + 1 });
    list.exempt({ subjectKey: 'network:203.0.114.0/24', untilMs: nowMs + 1 });
    const isHit = (id: string, atMs = nowMs): boolean => list.find(ip(id), '', atMs) !== null;
    expect([isHit('203.0.113.9'), isHit('203.0.114.1'), isHit('203.0.113.8')]).toEqual([false, false, true]);
    list.add(entryOf(network('203.0.112.0/20'), { expiresAtMs: nowMs + 5000 }));
    expect([isHit('203.0.113.9', nowMs + 1), isHit('203.0.114.1', nowMs + 1)]).toEqual([true, true]);
    list.exempt({ subjectKey: 'ip:203.0.113.9', untilMs: 0 });
    expect(isHit('203.0.113.9')).toBe(true);
    expect(list.exempted).toBe(1);
  });

  it('asks about a tenant what holds there alone', () => {
    const list = new HeldList(limits);
    list.add(entryOf({ kind: 'user', id: 'alice', tenant: 'acme' }));
    list.add(entryOf(network('203.0.113.0/24', 'acme')));
    const alice: Client = { kind: 'user', id: 'alice' };
    expect(list.find(alice, 'acme', nowMs)?.subjectKey).toBe('acme/user:alice');
    expect(list.find(ip('203.0.113.9'), 'acme', nowMs)?.subjectKey).toBe('acme/network:203.0.113.0/24');
    expect([list.find(alice, 'other', nowMs), list.find(ip('203.0.113.9'), '', nowMs)]).toEqual([null, null]);
  });

  it('gives all memory of what has ended back, tenants included', () => {
    const list = new HeldList(limits);
    for (let index = 0; index < 5000; index += 1) {
      list.add(
        entryOf(
          { kind: 'ip', id: `10.0.${index >> 8}.${index & 255}` },
          { blockId: `b-${'0'.repeat(20)}${1000 + index}` },
        ),
      );
      list.add(entryOf(network(`10.${index >> 8}.${index & 255}.0/24`, `tenant-${index % 10}`)));
    }
    for (let round = 0; round < 10; round += 1) list.sweep(nowMs + 1);
    expect(list).toMatchObject({ size: 0, networks: 0 });
    expect([...list.entries()]).toEqual([]);
  });

  it('holds no more than it may, and lets known ones change', () => {
    const list = new HeldList({ maxEntries: 2, maxNetworks: 1 });
    list.add(entryOf(network('203.0.113.0/24')));
    list.add(entryOf(network('203.0.114.0/24')));
    list.add(entryOf(ip('198.51.100.1')));
    list.add(entryOf(ip('198.51.100.2')));
    list.add(entryOf(ip('198.51.100.1'), { expiresAtMs: nowMs + 99 }));
    expect(list).toMatchObject({ size: 2, networks: 1, dropped: 2 });
    expect(list.find(ip('198.51.100.1'), '', nowMs)?.expiresAtMs).toBe(nowMs + 99);
  });
});

describe('AddressReader', () => {
  it('reads every address and network in canonical spelling as the library does', () => {
    const reader = new AddressReader();
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat(128), (text, bits) => {
        const canonical = canonicalAddress(text) ?? '';
        const isFour = !canonical.includes(':');
        const prefix = isFour ? bits % 33 : bits;
        const family = reader.read(`${canonical}/${prefix}`);
        expect(family).toBe(isFour ? 4 : 6);
        expect(reader.prefixLength).toBe(prefix);
        if (isFour) return;
        expect(sixText([reader.word0, reader.word1, reader.word2, reader.word3])).toBe(canonical);
      }),
    );
  });

  it('reads nothing that is not canonical', () => {
    const reader = new AddressReader();
    const texts = [
      '1.2.3',
      '1.2.3.4.5',
      '01.2.3.4',
      '1.2.3.256',
      '1.2.3.4/',
      '1.2.3.4/33',
      '1.2.3.4/032',
      '1.2.3.',
      ' 1.2.3.4',
      '1..2.3',
      ':',
      ':::',
      '1::2::3',
      '2001:DB8::',
      '02001::',
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
      '1:2:3:4:5:6:7:',
      '::/129',
      '1:2:3:4:5:6:7::8',
      '::ffff:1.2.3.4',
      '12345::',
      'g::',
      '',
      '~other',
      'customer',
    ];
    expect(texts.filter((text) => reader.read(text) !== 0)).toEqual([]);
  });
});
