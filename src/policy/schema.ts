import Type from 'typebox';
import { clientKinds } from '../client.ts';
import { algorithms, consistencies, scopeParts, storeFailureModes } from './policy.ts';

/** Largest limit and burst: with them, all microsecond arithmetic stays exact. */
export const maxUnits = 1_000_000_000;
export const maxWindowMs = 30 * 86_400_000;
export const maxPolicies = 100_000;
/** Names travel in headers, keys and metrics: nothing in them needs quoting anywhere. */
const namePattern = '^[a-z0-9][a-z0-9._-]{0,63}$';

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
const nameTitle = 'name: 1 to 64 of `a-z 0-9 . _ -`, a letter or digit first';
const name = (description: string) => Type.String({ title: nameTitle, pattern: namePattern, description });
const units = (description: string) => Type.Integer({ minimum: 1, maximum: maxUnits, description });

const MatchFields = Type.Object(
  {
    routes: Type.Optional(
      texts(
        512,
        'Patterns `METHOD /path`, such as `POST /login`, `GET /orders/*`, `* /admin/**`. `*` is any method or one segment, and so is a parameter such as `:id`; `**` at the end is any rest, none included. Matched against the route template, and against the path where there is none or it takes many paths.',
      ),
    ),
    tenants: Type.Optional(texts(128, 'Tenants that it is for.')),
    plans: Type.Optional(texts(128, 'Plans that it is for. A request of no plan matches none.')),
    services: Type.Optional(texts(128, 'Services whose gates it is for. A gate that names no service matches none.')),
    clientKinds: Type.Optional(
      Type.Array(oneOf(clientKinds), { minItems: 1, description: 'What the client was recognised by.' }),
    ),
  },
  {
    additionalProperties: false,
    description: 'Which requests it is for: every list that is given must match. Absent: all.',
  },
);

/** One policy. */
export const PolicyFields = Type.Object(
  {
    name: name(
      'Names the limit in headers, events, metrics and counter keys. Two policies of one name are refused; another name means new counters.',
    ),
    match: Type.Optional(MatchFields),
    scope: Type.Optional(
      Type.Array(oneOf(scopeParts), {
        uniqueItems: true,
        default: ['client'],
        description:
          'What the limit is counted by: one counter for each combination. `[]` is one counter for all. `route` is the template; `address` is the IPv4 address or IPv6 /64, `network` the IPv4 address or IPv6 /48, of the request, whoever the client is.',
      }),
    ),
    algorithm: Type.Optional(oneOf(algorithms, { default: 'token-bucket', description: 'How requests are counted.' })),
    limit: units(
      'Units of cost per window; with `concurrency` the units that may be in flight at once, at most 100000.',
    ),
    window: Type.String({
      title: 'duration, `1ms` to `30d`',
      description:
        'A duration such as `500ms`, `90s`, `1m`, `24h`. With `concurrency` it is how long a place is held that nobody releases, at least `1s`.',
    }),
    burst: Type.Optional(
      units(
        'Of `token-bucket`: units that may be spent at once. Of `leaky-bucket`: units that may wait, at most a minute long. Other algorithms have none.',
      ),
    ),
    cost: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: maxUnits,
        default: 1,
        description: 'Units that a request spends, unless the request says. Must fit at once.',
      }),
    ),
    onStoreFailure: Type.Optional(
      oneOf(storeFailureModes, {
        default: 'local',
        description:
          'What happens while no store can decide: let through, refuse with 503, or count in this process, with its share of the limit.',
      }),
    ),
    mode: Type.Optional(
      oneOf(['enforce', 'shadow'], {
        default: 'enforce',
        description: '`shadow` is counted and recorded, never enforced.',
      }),
    ),
    consistency: Type.Optional(
      oneOf(consistencies, {
        default: 'exact',
        description:
          '`approximate` counts in this process and synchronises now and then: cheaper, less exact. For `token-bucket`, `fixed-window` and `sliding-window`.',
      }),
    ),
    group: Type.Optional(
      name(
        'Of the enforced policies of one group that match a request only one applies: the highest priority, then the most specific match, then the first in the file. Absent: it applies beside all others.',
      ),
    ),
    priority: Type.Optional(
      Type.Integer({ minimum: -1000, maximum: 1000, default: 0, description: 'Within its group the highest applies.' }),
    ),
    candidateFor: Type.Optional(
      name(
        'Name of the enforced policy that this one may replace. It is counted beside that one, always in shadow, and each event says how it would have decided. It stands in the group of that one.',
      ),
    ),
  },
  { additionalProperties: false },
);

/** The JSON Schema of a policy file. */
export const PolicyFileSchema = Type.Object(
  { version: Type.Literal(1), policies: Type.Array(PolicyFields, { maxItems: maxPolicies }) },
  { additionalProperties: false },
);

/** One policy as a file or a caller writes it. */
export type PolicyInput = Type.Static<typeof PolicyFields>;
