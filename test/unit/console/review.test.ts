import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BlockView, Evidence } from '../../../src/console/app/api-types.ts';
import { subjectOf } from '../../../src/console/app/subject.ts';
import { piecesOf } from '../../../src/console/app/visible.tsx';
import { filterOf, matches, pathOf, queryOf, segmentsOf, wholeOf } from '../../../src/console/review/filter.ts';
import { between } from '../../../src/console/review/selection.ts';
import { whyText } from '../../../src/console/review/why.ts';

const evidence: Evidence = {
  denied: 240,
  allowed: 12,
  early: 31,
  members: null,
  collateral: { identities: 0 },
  windows: { hit: 3, weight: 3, needed: 3, of: 5, windowMs: 60_000 },
  distinctRoutes: 7,
  routes: [{ route: 'POST /login', denied: 200 }],
  policies: ['login'],
  firstSeenAt: '2026-01-01T12:00:00Z',
  lastSeenAt: '2026-01-01T12:04:00Z',
  log: { partition: 0, fromOffset: 1, toOffset: 2 },
};

const block: BlockView = {
  id: 'b-1',
  state: 'active',
  version: 1,
  subject: { kind: 'ip', id: '203.0.113.7' },
  action: { kind: 'refuse' },
  origin: 'detector',
  tenant: 'acme',
  rule: 'many-routes',
  ruleHash: 'abc',
  owner: 'security',
  blockedAt: '2026-01-01T12:05:00Z',
  expiresAt: '2026-01-01T13:05:00Z',
  strikes: 1,
  evidence,
  refusals: null,
  reason: '',
  actor: 'detector',
  assignee: '',
  label: null,
};

const queueOf = (query: string) => filterOf(new URLSearchParams(query));

describe('names of strangers', () => {
  it('are shown with a sign for every character that is not seen, and otherwise as they are', () => {
    const shown = piecesOf('a\u202eb c\u200b\n').map(({ text }) => text);
    expect(shown).toEqual(['a', 'U+202E', 'b c', 'U+200B', 'U+000A']);
    expect(piecesOf('<b>Zoë 東京 עברית</b>')).toEqual([{ text: '<b>Zoë 東京 עברית</b>', name: null }]);
  });

  it('lose nothing: signs put back are the text again', () => {
    const asText = ({ text, name }: { text: string; name: string | null }): string =>
      name === null ? text : String.fromCodePoint(Number.parseInt(text.slice(2), 16));
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(piecesOf(text).map(asText).join('')).toBe(text);
      }),
    );
  });

  it('are read as subjects where they name their kind, and else as addresses, networks or users', () => {
    expect(
      ['203.0.113.7', '203.0.113.0/24', '2001:db8::/56', '2001:db8::7', 'user:a/b', 'user:a\nb', 'a@b.c', 'fee'].map(
        subjectOf,
      ),
    ).toEqual([
      'ip:203.0.113.7',
      'network:203.0.113.0/24',
      'network:2001:db8::/56',
      'ip:2001:db8::7',
      'user:a/b',
      'user:a\nb',
      'user:a@b.c',
      'user:fee',
    ]);
  });
});

describe('the filter of the queue', () => {
  it('asks for proposals first, then for what is in force and nobody has judged', () => {
    expect(segmentsOf(queueOf(''), 'anna')).toEqual([{ state: 'proposed' }, { state: 'active', unjudged: true }]);
  });

  it('says in the address what is not as usual, and reads that again', () => {
    const filter = queueOf('show=lifted&rule=many-routes&assignee=me&subject=203.0.113.7&sort=oldest');
    expect(filterOf(new URLSearchParams(queryOf(filter)))).toEqual(filter);
    expect(Object.values(queryOf(queueOf(''))).join('')).toBe('');
    expect(queueOf('show=nonsense&sort=x&assignee=y')).toEqual(queueOf(''));
  });

  it('asks for what nobody has taken on with an empty assignee, and for mine by my name', () => {
    const [nobodys = {}] = segmentsOf(queueOf('show=active&assignee=nobody'), 'anna');
    expect(pathOf(nobodys, 'newest', 50)).toBe('v1/blocks?state=active&assignee=&sort=newest&limit=50');
    expect(segmentsOf(queueOf('show=active&assignee=me'), 'anna')).toEqual([{ state: 'active', assignee: 'anna' }]);
  });

  it('knows which blocks it still means', () => {
    const [, due = {}] = segmentsOf(queueOf(''), 'anna');
    expect(matches(due, block)).toBe(true);
    expect(matches(due, { ...block, label: 'confirmed' })).toBe(false);
    expect(matches(due, { ...block, state: 'lifted' })).toBe(false);
    expect(matches({ subject: 'ip:203.0.113.8' }, block)).toBe(false);
    expect(matches({ tenant: 'acme', kind: 'ip', assignee: '' }, block)).toBe(true);
  });

  it('means the whole of the queue with one filter for a change to many', () => {
    expect(wholeOf(segmentsOf(queueOf('rule=r'), 'anna'))).toEqual({
      state: 'proposed,active',
      unjudged: true,
      rule: 'r',
    });
    expect(wholeOf(segmentsOf(queueOf('show=all'), 'anna'))).toEqual({});
  });
});

describe('a range of rows', () => {
  it('goes from the last one that was selected to this one, up or down', () => {
    const order = ['a', 'b', 'c', 'd'];
    expect(between('b', 'd', order)).toEqual(['b', 'c', 'd']);
    expect(between('d', 'b', order)).toEqual(['b', 'c', 'd']);
    expect(between(null, 'c', order)).toEqual(['c']);
    expect(between('gone', 'c', order)).toEqual(['c']);
    expect(between('a', 'gone', order)).toEqual([]);
  });
});

describe('why somebody is blocked', () => {
  it('is told in sentences that need no knowledge of rules', () => {
    expect(whyText(block)).toBe(
      'This address was over the limit with 240 of 252 requests (95.2 %) within 4 min on 7 routes, most of it on POST /login. ' +
        '31 of them came back before the wait that it had been told was over. Its requests are refused.',
    );
    expect(whyText({ ...block, state: 'proposed', evidence: { ...evidence, early: null, distinctRoutes: 1 } })).toBe(
      'This address was over the limit with 240 of 252 requests (95.2 %) within 4 min, always on POST /login. ' +
        'Nobody is blocked yet: the rule only proposes it.',
    );
    const spread = {
      ...evidence,
      routes: [
        { route: 'GET /p/0', denied: 3 },
        { route: 'GET /p/1', denied: 3 },
      ],
    };
    expect(whyText({ ...block, evidence: spread })).not.toContain('most of it');
    expect(whyText({ ...block, evidence: null, origin: 'person', owner: 'anna' })).toBe(
      'This address was blocked by hand, by anna. Its requests are refused.',
    );
  });
});
