import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ListFormat, listFormats, writerFor } from '../../../src/api/list-formats.ts';
import type { BlockEntry, SnapshotPage } from '../../../src/blocklist/block-feed.ts';
import { clientOf, subjectKeyOf } from '../../../src/client.ts';

const expiresAtMs = 1_750_000_000_000;
const limit = { kind: 'limit', limit: 5, windowMs: 60_000 } as const;

const entry = (subjectKey: string, action: BlockEntry['action'] = { kind: 'refuse' }): BlockEntry => ({
  subjectKey,
  blockId: 'd-1',
  rule: 'scan',
  expiresAtMs,
  action,
});

const pageOf = (change: Partial<SnapshotPage> = {}): SnapshotPage => ({
  epoch: 'e1',
  sequence: 7,
  entries: [],
  exemptions: [],
  switches: { blocks: null, limits: null },
  nextPage: null,
  ...change,
});

const written = (format: ListFormat, page: SnapshotPage): string => {
  const writer = writerFor(format);
  return writer.begin(page) + writer.entries(page.entries) + writer.end();
};

const entries = [
  entry('ip:198.51.100.7'),
  entry('network:203.0.113.0/24'),
  entry('ip:203.0.113.9', limit),
  entry('ip:2001:db8:1:2::/64'),
  entry('key:secret'),
  entry('acme/ip:192.0.2.1'),
  entry('network:0.0.0.0/0'),
  entry('ip:192.0.2.77'),
];
const exemptions = [
  { subjectKey: 'ip:203.0.113.44', untilMs: expiresAtMs },
  { subjectKey: 'network:192.0.2.0/24', untilMs: expiresAtMs },
  { subjectKey: 'user:bob', untilMs: expiresAtMs },
];

describe('a list for proxies', () => {
  it.each<[ListFormat, string[]]>([
    ['text', ['198.51.100.7', '203.0.113.0/24', '2001:db8:1:2::/64']],
    [
      'nginx',
      [
        'allow 203.0.113.44;',
        'allow 192.0.2.0/24;',
        'deny 198.51.100.7;',
        'deny 203.0.113.0/24;',
        'deny 2001:db8:1:2::/64;',
      ],
    ],
    [
      'nginx-geo',
      [
        '203.0.113.44 0;',
        '192.0.2.0/24 0;',
        '198.51.100.7 1;',
        '203.0.113.0/24 1;',
        '203.0.113.9 0;',
        '2001:db8:1:2::/64 1;',
      ],
    ],
    [
      'haproxy',
      [
        '203.0.113.44 pass',
        '192.0.2.0/24 pass',
        '198.51.100.7 refuse',
        '203.0.113.0/24 refuse',
        '203.0.113.9 pass',
        '2001:db8:1:2::/64 refuse',
      ],
    ],
  ])('%s names addresses and networks, and how many others it leaves out', (format, lines) => {
    const text = written(format, pageOf({ entries, exemptions }));
    expect(text.split('\n')).toEqual([
      '# tidegate block list e1.7',
      ...lines,
      '# end: 3 refused, 5 entries left out',
      '',
    ]);
  });

  it('envoy gets a filter in which the longest prefix wins', () => {
    const file = JSON.parse(written('envoy', pageOf({ entries, exemptions })));
    const filter = file.resources[0].typed_config;
    const { range_matchers: ranges } = filter.matcher.matcher_tree.custom_match.typed_config;
    const told = ranges.flatMap((matcher: { ranges: object[]; on_match: { action: { name: string } } }) =>
      matcher.ranges.map((range) => ({ ...range, name: matcher.on_match.action.name })),
    );
    expect(told).toEqual([
      { address_prefix: '203.0.113.44', prefix_len: 32, name: 'tidegate-pass' },
      { address_prefix: '192.0.2.0', prefix_len: 24, name: 'tidegate-pass' },
      { address_prefix: '198.51.100.7', prefix_len: 32, name: 'tidegate-refuse' },
      { address_prefix: '203.0.113.0', prefix_len: 24, name: 'tidegate-refuse' },
      { address_prefix: '203.0.113.9', prefix_len: 32, name: 'tidegate-pass' },
      { address_prefix: '2001:db8:1:2::', prefix_len: 64, name: 'tidegate-refuse' },
    ]);
    expect(filter.matcher.on_no_match.action.typed_config.action).toBe('ALLOW');
    expect(file.version_info).toBe('tidegate block list e1.7; end: 3 refused, 5 entries left out');
  });

  it('envoy lets everybody pass where nobody is blocked', () => {
    const [resource] = JSON.parse(written('envoy', pageOf())).resources;
    expect(resource.typed_config).toEqual({
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC',
    });
  });

  it.each(['text', 'nginx', 'nginx-geo', 'haproxy', 'envoy'] as const)(
    '%s refuses nobody while blocks are switched off',
    (format) => {
      const off = { untilMs: expiresAtMs, actor: 'anna', note: 'panic' };
      const text = written(format, pageOf({ entries, exemptions, switches: { blocks: off, limits: null } }));
      expect(text).toContain('blocks are switched off');
      expect(text).not.toMatch(/198\.51|203\.0/);
    },
  );

  it.each(listFormats)('%s is never more than addresses, whatever clients call themselves', (format) => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }), (name) => {
        const evil = ['1.2.3.4; } deny all; #', '1.2.3.4 refuse\n', '::/0', '10.0.0.1/0', '", "x": "', name];
        const keys = evil.flatMap((id) =>
          (['ip', 'user', 'key'] as const).map((kind) => subjectKeyOf(clientOf(kind, id))),
        );
        const raw = evil.flatMap((id) => [`ip:${id}`, `network:${id}`]);
        const text = written(format, pageOf({ entries: [...keys, ...raw].map((key) => entry(key)) }));
        if (format === 'json' || format === 'envoy') JSON.parse(text);
        else if (format === 'ndjson') for (const line of text.trimEnd().split('\n')) JSON.parse(line);
        else expect(text).toMatch(/^(?:#.*\n|(?:deny )?[0-9a-f.:/]+(?: refuse|;| 1;)?\n)*$/);
      }),
    );
  });
});

describe('a list for those who can do more', () => {
  it('json and ndjson hold the same: everything, with ends, limits, who is allowed and what is off', () => {
    const page = pageOf({ entries, exemptions });
    const whole = JSON.parse(written('json', page));
    const lines = written('ndjson', page)
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(whole).toEqual({ ...lines[0], entries: lines.slice(1, -1) });
    expect(lines.at(-1)).toEqual({ end: true, entries: entries.length });
    expect(whole.cursor).toBe('e1.7');
    expect(whole.entries[2]).toEqual({
      subject: 'ip:203.0.113.9',
      blockId: 'd-1',
      rule: 'scan',
      expiresAt: new Date(expiresAtMs).toISOString(),
      action: limit,
    });
  });
});
