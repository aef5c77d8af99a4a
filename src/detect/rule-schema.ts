import Type from 'typebox';
import { clientKinds } from '../client.ts';
import { groupings, ruleModes } from './rule.ts';

/** A rule costs a look at every denial. */
export const maxRules = 64;
/** Clients of one network that are told apart: an IPv4 /24 has no more. */
export const maxMembers = 256;
const maxCount = 1_000_000_000;
const maxWindows = 60;
/** The gate names so many routes of a client; later ones are folded together. */
const maxRoutes = 64;

const closed = { additionalProperties: false };
const part = <const T extends Type.TProperties>(properties: T, description: string) =>
  Type.Object(properties, { ...closed, description });

// A mapped array is no tuple to the type checker, which would make the union `never`.
const oneOf = <const T extends string>(values: readonly T[], options: { description?: string; default?: T } = {}) =>
  Type.Unsafe<T>(
    Type.Union(
      values.map((value) => Type.Literal(value)),
      options,
    ),
  );
const texts = (maxLength: number, description: string) =>
  Type.Array(Type.String({ minLength: 1, maxLength }), { minItems: 1, maxItems: 1000, description });
const count = (description: string, maximum = maxCount) => Type.Integer({ minimum: 1, maximum, description });
const duration = (range: string, description: string, byDefault?: string) =>
  Type.String({
    title: `duration, ${range}`,
    description,
    ...(byDefault !== undefined && { default: byDefault }),
  });
const percentPattern = '^\\d{1,3}(\\.\\d{1,4})?%$';
/** Of 1, or in percent. */
const share = (description: string, byDefault?: string) =>
  Type.Unsafe<number | string>({
    title: 'share, such as `0.5%` or `0.005`',
    description,
    anyOf: [
      { type: 'number', minimum: 0, maximum: 1 },
      { type: 'string', pattern: percentPattern },
    ],
    ...(byDefault !== undefined && { default: byDefault }),
  });

/** What people must find right. */
export const PrecisionTerms = Type.Object(
  {
    floor: Type.Optional(Type.Unsafe<number | string>({})),
    minLabels: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
  },
  closed,
);

/** So many requests in so long. */
export const LimitTerms = Type.Object(
  { limit: Type.Integer({ minimum: 1, maximum: 1_000_000 }), window: Type.String() },
  closed,
);
const orLimit = (word: string, description: string, byDefault?: string) =>
  Type.Unsafe<string | Type.Static<typeof LimitTerms>>({
    title: `\`${word}\`, or \`{ limit, window }\` with 1 to 1,000,000 requests in \`1s\` to \`1h\``,
    description,
    anyOf: [{ const: word }, LimitTerms],
    ...(byDefault !== undefined && { default: byDefault }),
  });

const budget = (defaults: { hour: number; minute: number }, description: string) =>
  part(
    {
      blocksPerHour: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: 100_000,
          default: defaults.hour,
          description:
            'So many blocks within an hour need no other leave: small sites have no traffic to take shares of.',
        }),
      ),
      blocksPerMinute: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: 100_000,
          default: defaults.minute,
          description: 'Never more than these within a minute, whatever the shares.',
        }),
      ),
      requestShare: Type.Optional(
        share('Beyond `blocksPerHour`: of all requests allowed within the hour, those of the blocked at most.', '0.5%'),
      ),
      clientShare: Type.Optional(
        share('Beyond `blocksPerHour`: of all clients seen within the hour, the blocked at most.', '1%'),
      ),
    },
    description,
  );

const MatchFields = part(
  {
    tenants: Type.Optional(texts(128, 'Tenants whose decisions count.')),
    routes: Type.Optional(
      texts(512, 'Patterns `METHOD /path` over the route, with `*` and a last `**` as wildcards, as in policies.'),
    ),
    policies: Type.Optional(texts(64, 'Names of the policies whose denials count.')),
    outcomes: Type.Optional(
      Type.Array(oneOf(['denied']), {
        minItems: 1,
        description: 'Always `denied`: what was allowed or blocked is never evidence.',
      }),
    ),
    clientKinds: Type.Optional(
      Type.Array(oneOf(clientKinds), { minItems: 1, description: 'What the client was recognised by.' }),
    ),
  },
  'Which decisions the rule looks at: every list that is given must match. Absent: all.',
);

const WindowFields = part(
  {
    length: Type.Optional(duration('`1s` to `1h`, whole seconds', 'One window. Windows are aligned to the clock.')),
    lasting: Type.Optional(
      duration(
        '`0s` up to the length, whole seconds',
        'The first and the last denial of a window must be this far apart: a heavy page or a batch sent at once is no abuse.',
        '0s',
      ),
    ),
    hit: Type.Optional(count('The condition must hold in so many …', maxWindows)),
    of: Type.Optional(count('… of so many windows in a row, which look back over 24 hours at most.', maxWindows)),
    overwhelming: Type.Optional(
      part(
        {
          denied: count('Denials in the window (`breadth`) or on one route of it (`depth`), at least.'),
          counts: count('As how many windows it counts.', maxWindows),
        },
        'One window that is far over the top counts as several: a scanner is gone before there are many.',
      ),
    ),
  },
  'When the condition must hold.',
);

const BlockFields = part(
  {
    base: Type.Optional(duration('`1s` to `30d`', 'How long the first block lasts.')),
    factor: Type.Optional(
      Type.Number({
        title: 'number, 1 to 10',
        minimum: 1,
        maximum: 10,
        default: 2,
        description: 'Each further block while strikes count is so many times as long.',
      }),
    ),
    max: Type.Optional(duration('`1s` to `30d`', 'No block lasts longer.', '24h')),
    jitter: Type.Optional(
      Type.Number({
        title: 'number, 0 to 0.9',
        minimum: 0,
        maximum: 0.9,
        default: 0.1,
        description: 'The share of the duration that is random, so that nobody can compute the end.',
      }),
    ),
    strikeTtl: Type.Optional(
      duration('`1s` to `90d`', 'How long a block counts towards the length of the next.', '7d'),
    ),
  },
  'How long a block lasts.',
);

const text = (title: string, description: string) => Type.String({ title, minLength: 1, maxLength: 64, description });

/** One rule as a file writes it. What `extends` may bring is not required here; {@link requiredFields} are, once merged. */
export const RuleFields = Type.Object(
  {
    name: Type.String({
      title: 'name: 1 to 64 of `a-z 0-9 . _ -`, a letter or digit first',
      pattern: '^[a-z0-9][a-z0-9._-]{0,63}$',
      description: 'Names the rule in blocks, metrics and overrides. `manual` is what blocks of people are called.',
    }),
    mode: oneOf(ruleModes, {
      description:
        'Nothing; recorded as what it would have blocked; proposed to people; blocked. Not inherited by `extends`.',
    }),
    extends: Type.Optional(
      text(
        'name of a rule',
        'All that this rule does not say is taken from that one, part by part, but name and mode. `when`, `breadth` and `depth` count as one part.',
      ),
    ),
    owner: Type.Optional(text('text, 1 to 64 characters', 'Who answers for the rule and its blocks.')),
    reviewBy: Type.Optional(
      Type.String({ title: 'date, `2027-03-31`', description: 'When somebody has to look at the rule again.' }),
    ),
    canary: Type.Optional(
      Type.String({
        title: 'percentage, over `0%` to `100%`',
        pattern: percentPattern,
        default: '100%',
        description: 'For this share of all subjects the mode holds; for the others the rule is in shadow.',
      }),
    ),
    by: Type.Optional(
      oneOf(groupings, {
        default: 'client',
        description:
          'Whose decisions are put together and who is blocked: a client in all tenants, a client in one tenant, or a network of addresses (IPv4 /24, IPv6 /64).',
      }),
    ),
    match: Type.Optional(MatchFields),
    when: Type.Optional(
      oneOf(['all', 'any'], {
        description: 'Required of a rule with `breadth` and `depth`: must both hold in a window, or is one enough?',
      }),
    ),
    breadth: Type.Optional(
      part(
        {
          distinctRoutes: Type.Integer({
            minimum: 2,
            maximum: maxRoutes,
            description: 'A window holds when so many different routes were denied: a scanner.',
          }),
        },
        'Denied on many routes.',
      ),
    ),
    depth: Type.Optional(
      part(
        {
          denied: Type.Optional(count('A window holds when one route was denied so often …')),
          deniedShare: Type.Optional(share('… and that share of the time: a stuffer, a storm of retries.')),
        },
        'Denied again and again on one route.',
      ),
    ),
    windows: Type.Optional(WindowFields),
    compliance: Type.Optional(
      part(
        {
          minEarlyShare: share(
            'A window in which a smaller share of the denied came back before its retry time does not count. `0`: not asked. In replay nobody was told, and it is not asked.',
            '0%',
          ),
        },
        'Who waits as it is told loses evidence. For limits whose retry time is well over a second.',
      ),
    ),
    evidence: Type.Optional(
      part(
        {
          denied: Type.Optional(
            Type.Integer({
              minimum: 1,
              maximum: maxCount,
              default: 1,
              description: 'Denied decisions in all windows together, at least.',
            }),
          ),
          clients: Type.Optional(
            Type.Integer({
              minimum: 2,
              maximum: maxMembers,
              default: 2,
              description: 'With `by: network`: clients in it that were denied, at least.',
            }),
          ),
        },
        'What there must be in any case.',
      ),
    ),
    block: Type.Optional(BlockFields),
    action: Type.Optional(
      orLimit('refuse', 'What a block does: it refuses, or lets through so much and no more.', 'refuse'),
    ),
    shared: Type.Optional(
      part(
        {
          identities: Type.Optional(
            count('From so many authenticated clients served at the address or network on …', 1_000_000),
          ),
          // biome-ignore lint/suspicious/noThenProperty: the word of the file; nobody awaits a schema
          then: Type.Optional(orLimit('suppress', '… there is no block, or this limit instead.')),
        },
        'What happens where people share the address.',
      ),
    ),
    precision: Type.Optional(
      Type.Unsafe<'none' | Type.Static<typeof PrecisionTerms>>({
        title: '`none`, or `{ floor, minLabels }` with a share over 0 and 1 to 10,000 labels',
        description:
          'Of the blocks that people have judged, the share they found right: when its lower end (95 %) falls below `floor` after at least `minLabels` judgements, the rule goes on in shadow for 30 days and people are told. Goodwill does not count. `none`: never.',
        anyOf: [{ const: 'none' }, PrecisionTerms],
        default: '{ floor: 60%, minLabels: 20 }',
      }),
    ),
    budget: Type.Optional(budget({ hour: 100, minute: 30 }, 'More than these are proposed to people instead.')),
  },
  closed,
);

const RuleFileBudget = budget({ hour: 200, minute: 100 }, 'Of all rules together.');

/** The JSON Schema of a rule file. */
export const RuleFileSchema = Type.Object(
  {
    version: Type.Literal(1),
    budget: Type.Optional(RuleFileBudget),
    rules: Type.Array(RuleFields, { maxItems: maxRules }),
  },
  closed,
);

export type RuleInput = Type.Static<typeof RuleFields>;
export type BudgetInput = Type.Static<typeof RuleFileBudget>;

/** What a rule needs to say, itself or by what it extends; and what to say where it does not. */
export const requiredFields: Readonly<Record<string, string>> = {
  windows: 'which windows it looks at: { length: 60s, hit: 3, of: 5 }',
  'windows.length': 'how long one window is, such as 60s',
  'windows.hit': 'in how many windows the condition must hold',
  'windows.of': 'of how many windows in a row',
  block: 'how long it blocks: { base: 15m }',
  'block.base': 'how long the first block lasts, such as 15m; nothing is blocked for ever',
  'depth.denied': 'how often one route must be denied in a window',
  'depth.deniedShare': 'what share of the time that route must be denied, such as 80%',
  'shared.identities': 'from how many authenticated clients on an address is shared',
  'shared.then': 'what happens there: suppress, or { limit: 20, window: 60s }',
};
