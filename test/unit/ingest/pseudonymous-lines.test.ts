import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { otherClientId } from '../../../src/client.ts';
import { PseudonymousLines } from '../../../src/ingest/pseudonymous-lines.ts';
import { Pseudonyms } from '../../../src/ingest/pseudonyms.ts';

const secret = Buffer.alloc(32, 7);
const pseudonyms = new Pseudonyms({ keys: [{ id: 'k1', secret }] });

const rewrite = (text: string): string =>
  new PseudonymousLines(pseudonyms).rewrite(Buffer.from(text, 'utf8')).toString('utf8');

type Row = Record<string, unknown>;

/** What rewriting comes to, the slow way. */
const expectedOf = (row: Row): Row => {
  const kind = String(row.client_kind);
  const replaced: Row = { ...row };
  if (typeof row.client === 'string') replaced.client = pseudonyms.of(kind, row.client);
  if (typeof row.address === 'string') replaced.address = pseudonyms.of('ip', row.address);
  if (typeof row.block_id === 'string') replaced.block_id = pseudonyms.of('block', row.block_id);
  if (typeof row.verdict_id === 'string') replaced.verdict_id = pseudonyms.of('verdict', row.verdict_id);
  return replaced;
};

/** Texts that look like what is being looked for. */
const hostile = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom(
    '',
    '"client":"mallory"',
    '","client":"mallory","x":"',
    '\\","client":"mallory',
    '\\',
    '\\\\"',
    '{"client":"mallory"}',
    '}\n{"client":"mallory"',
    '\u0000\u001f\u2028',
    '~other',
    '😀 ключ',
    'client',
  ),
);
const fieldName = fc.oneof(
  hostile,
  fc.constantFrom('client', 'client_kind', 'address', 'block_id', 'verdict_id', '__proto__', 'constructor'),
);
const anything: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    hostile,
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0)),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fieldName, tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value;

const naming = fc.record(
  { client: hostile, address: hostile, block_id: hostile, verdict_id: hostile },
  { requiredKeys: [] },
);
const others = fc.dictionary(
  hostile.filter((name) => !['client', 'client_kind', 'address', 'block_id', 'verdict_id'].includes(name)),
  anything,
  { maxKeys: 4, noNullPrototype: true },
);
/** Fields in any order. */
const row = fc
  .tuple(naming, others, fc.constantFrom('key', 'user', 'ip', 'a"b'))
  .chain(([names, rest, kind]) =>
    fc.shuffledSubarray(Object.entries({ ...rest, ...names, client_kind: kind }), {
      minLength: Object.keys({ ...rest, ...names }).length + 1,
    }),
  )
  .map((entries) => Object.fromEntries(entries) as Row);

const escapedText = (text: string): string =>
  `"${[...Array(text.length).keys()].map((at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')}"`;

/** JSON as another emitter might write it: white space anywhere, any character escaped. */
const spelled = (value: unknown, draw: () => number): string => {
  const space = (): string => [' ', '\t', '', '', '\r\n'][draw() % 5] ?? '';
  const text = (plain: string): string => (draw() % 3 === 0 ? escapedText(plain) : JSON.stringify(plain));
  const write = (one: unknown): string => {
    if (typeof one === 'string') return text(one);
    if (Array.isArray(one)) return `[${space()}${one.map(write).join(`${space()},${space()}`)}]`;
    if (typeof one !== 'object' || one === null) return JSON.stringify(one);
    const members = Object.entries(one).map(([name, held]) => `${text(name)}${space()}:${space()}${write(held)}`);
    return `{${space()}${members.join(`${space()},${space()}`)}${space()}}`;
  };
  return write(value);
};

describe('lines that name nobody', () => {
  it('differ from the original in the names alone, whatever stands in the other fields', () => {
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 4 }), (rows) => {
        const out = rewrite(rows.map((one) => `${JSON.stringify(one)}\n`).join(''));
        const lines = out.split('\n').slice(0, -1);
        expect(lines.map((line) => JSON.parse(line))).toEqual(rows.map(expectedOf));
        // Byte for byte where nothing is replaced: a round trip would spell numbers anew.
        expect(lines).toEqual(rows.map((one) => JSON.stringify(expectedOf(one))));
      }),
      { numRuns: 500 },
    );
  });

  it('are found however the row is spelled: escapes in names and texts, white space, line breaks between fields', () => {
    fc.assert(
      fc.property(row, fc.array(fc.nat(), { minLength: 1, maxLength: 50 }), (one, choices) => {
        let at = 0;
        const draw = (): number => choices[at++ % choices.length] ?? 0;
        expect(JSON.parse(rewrite(spelled(one, draw)))).toEqual(expectedOf(one));
      }),
      { numRuns: 500 },
    );
  });

  it('keep numbers that JavaScript cannot hold', () => {
    expect(rewrite('{"limit":18446744073709551615,"client_kind":"key","client":"a"}\n')).toBe(
      `{"limit":18446744073709551615,"client_kind":"key","client":"${pseudonyms.of('key', 'a')}"}\n`,
    );
  });

  it('replace every field that comes twice, for nobody knows which one is read', () => {
    const out = rewrite('{"client":"a","client_kind":"key","client":"b","address":"1.2.3.4","address":"1.2.3.5"}');
    expect(out).not.toMatch(/"(?:a|b|1\.2\.3\.[45])"/);
  });

  it('replace in two objects of one line, as the database would read them', () => {
    const out = rewrite('{"client_kind":"key","client":"anna"} {"client_kind":"user","client":"anna"}\n');
    expect(out).not.toContain('anna');
    expect(out).toContain(pseudonyms.of('user', 'anna'));
  });

  it('tell kinds apart, and leave what names nobody', () => {
    const out = rewrite(
      ['key', 'user', 'ip']
        .flatMap((kind) => ['anna', '', otherClientId].map((client) => JSON.stringify({ client, client_kind: kind })))
        .join('\n'),
    );
    const clients = out.split('\n').map((line) => JSON.parse(line).client as string);
    expect(new Set(clients).size).toBe(5);
    expect(clients.filter((client) => client === '' || client === otherClientId)).toHaveLength(6);
  });

  it('are the same whether the id is known already or not, also after more ids than are remembered', () => {
    const lines = new PseudonymousLines(pseudonyms);
    const line = (id: number): string => `{"client_kind":"key","client":"c${id}"}\n`;
    const first = lines.rewrite(Buffer.from(line(1))).toString();
    const many = Buffer.from(Array.from({ length: 110_000 }, (_, id) => line(id)).join(''));
    const out = lines.rewrite(many).toString().split('\n');
    expect(out).toHaveLength(110_001);
    expect(`${out[1]}\n`).toBe(first);
    expect(lines.rewrite(Buffer.from(line(1))).toString()).toBe(first);
    expect(JSON.parse(out[109_999] ?? '').client).toBe(pseudonyms.of('key', 'c109999'));
  });

  it.each([
    ['no object', '[{"client":"a","client_kind":"key"}]'],
    ['an end that is missing', '{"client":"a","client_kind":"key"'],
    ['a text without end', '{"client":"a'],
    ['an array without end', '{"a":[1'],
    ['a comma that is missing', '{"a":1"client":"b","client_kind":"key"}'],
    ['a value that is missing', '{"a":,"client":"b","client_kind":"key"}'],
    ['a name without quotes', "{client:'b'}"],
    ['something between two rows', '{"a":1};{"client":"b","client_kind":"key"}'],
    ['a client that is a number', '{"client_kind":"key","client":4711}'],
    ['a client that is a list', '{"client_kind":"key","client":["a"]}'],
    ['an address that is not a number', '{"address":nan}'],
    ['a client without a kind', '{"client":"a"}'],
    ['an escape that JSON does not know', '{"client_kind":"key","client":"\\x41"}'],
    ['a name with an escape that JSON does not know', '{"\\x41":1}'],
    ['too many names', `{${'"client":"a",'.repeat(40)}"client_kind":"key"}`],
  ])('are refused for %s: what cannot be read is not let through', (_, text) => {
    expect(() => rewrite(text)).toThrowError(expect.objectContaining({ code: 'FRAME_CORRUPT' }));
  });

  it('are refused with nothing of the name in the message', () => {
    for (const text of [
      '{"client_kind":"key","client":"anna',
      '{"client":"anna"}',
      '{"client_kind":"key","client":"anna\\x"}',
    ])
      expect(() => rewrite(text)).not.toThrowError(/anna/);
  });

  it('let rows through that hold no name: null, none, an empty object', () => {
    for (const text of ['{"client":null,"address":null}\n', '{"a":1}\n', '{}', ' \n', ''])
      expect(rewrite(text)).toBe(text);
  });
});
