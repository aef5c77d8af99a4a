import fc from 'fast-check';

/** As much of JSON Schema as the document of the API uses. */
export interface JsonSchema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly pattern?: string;
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

/** What somebody sends who wants to break something. */
export const hostileTexts = [
  "'; DROP TABLE decisions_raw; --",
  '" OR 1=1 --',
  "x' UNION SELECT * FROM system.users --",
  '{tenant:String}',
  'x\r\nx-injected: 1',
  '%0d%0ax-injected:%201',
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  '../../../../etc/passwd',
  '__proto__',
  'constructor',
  '{{7*7}}#{7*7}',
  '\u0000',
  '\u202Eevil\u2028',
  'é́🦊\u{10FFFF}',
  '\uD800',
  'a\uDC00b',
  '%',
  '%zz',
  'ip:1.2.3.4; } deny all; #',
  'network:0.0.0.0/0',
  'null',
  'NaN',
  '-1',
  '9'.repeat(400),
  '1e308',
  ' '.repeat(50),
  'x'.repeat(5000),
  '{"$ne":1}',
  '(a+)+$',
] as const;

export const hostileText = fc.constantFrom(...hostileTexts);

const hostileNumber = fc.constantFrom(0, -0, -1, 1.5, 2 ** 31, 2 ** 53, -(2 ** 53), 1e308, Number.MIN_VALUE);

/** Anything that JSON can say, with what programs trip over. */
export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  hostileText,
  hostileNumber,
  fc.constantFrom(null, true, [], {}, [[[[]]]]),
  fc.array(hostileText, { maxLength: 5 }),
  fc.dictionary(hostileText, hostileText, { maxKeys: 5 }),
  fc.jsonValue({ maxDepth: 3 }),
);

const minuteMs = 60_000;

/** Instants about now, and some that are absurd. */
export const instantText = fc
  .oneof(
    fc.integer({ min: -60 * 24 * 30, max: 60 * 24 * 400 }).map((minutes) => Date.now() + minutes * minuteMs),
    fc.constantFrom(0, 8.64e15 - 1, -1),
  )
  .map((atMs) => new Date(atMs).toISOString());

const address = fc
  .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 255 }))
  .map(([a, b]) => `203.0.${a}.${b}`);

const subject = fc.oneof(
  address.map((text) => `ip:${text}`),
  address.map((text) => `network:${text.replace(/\d+$/, '0')}/24`),
  fc.constantFrom('ip:2001:db8:1:2::/64', 'user:alice', 'acme/user:bob', 'key:k', 'network:10.0.0.0/8', 'nobody'),
);

/** What fields of these names mean, for which their schemas have no words. */
const meant: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  subject,
  client: subject,
  until: instantText,
  at: instantText,
  from: instantText,
  to: instantText,
  expiresAt: instantText,
  madeFrom: instantText,
  madeTo: instantText,
  'if-match': fc.constantFrom('"1"', '"2"', '*', 'W/"1"', '1', '"'),
  'if-none-match': fc.constantFrom('"a.1"', '*', '"', 'W/"a.1"'),
  tenants: fc.constantFrom(null, ['acme'], ['acme', 'globex']),
};

const textOf = ({ pattern, format, minLength = 0, maxLength = 100 }: JsonSchema): fc.Arbitrary<string> => {
  if (format === 'date-time') return instantText;
  if (pattern !== undefined && pattern !== '\\S') return fc.stringMatching(new RegExp(pattern), { size: 'small' });
  const inside = fc.string({ minLength, maxLength: Math.min(maxLength, minLength + 20), unit: 'grapheme' });
  const edges = [minLength, Math.min(maxLength, 10_000)].map((length) => fc.constant('x'.repeat(length)));
  return fc.oneof({ weight: 3, arbitrary: inside }, ...edges);
};

const numberOf = (schema: JsonSchema): fc.Arbitrary<number> => {
  const { minimum = schema.exclusiveMinimum ?? -1000, maximum = 1_000_000 } = schema;
  if (schema.type !== 'integer') return fc.double({ min: minimum, max: maximum, noNaN: true });
  const inside = fc.integer({ min: minimum, max: Math.min(maximum, 2 ** 31) });
  return fc.oneof(inside, fc.constantFrom(minimum, maximum));
};

const objectOf = ({ properties = {}, required = [] }: JsonSchema): fc.Arbitrary<unknown> =>
  fc.record(Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, valuesOf(schema, name)])), {
    requiredKeys: [...required],
  });

/** Values that the schema allows, edges among them; by the name of their field nearer to what is meant. */
export const valuesOf = (schema: JsonSchema, name = ''): fc.Arbitrary<unknown> => {
  const known = Object.hasOwn(meant, name) ? meant[name] : undefined;
  if (known !== undefined) return known;
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((one) => valuesOf(one)));
  if (schema.type === 'object') return objectOf(schema);
  if (schema.type === 'array') {
    const { items = {}, minItems = 0, maxItems = 5 } = schema;
    return fc.array(valuesOf(items), { minLength: minItems, maxLength: Math.min(maxItems, minItems + 3) });
  }
  if (schema.type === 'boolean') return fc.boolean();
  if (schema.type === 'null') return fc.constant(null);
  if (schema.type === 'integer' || schema.type === 'number') return numberOf(schema);
  return textOf(schema);
};
