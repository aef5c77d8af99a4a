import Type, { type TSchema } from 'typebox';
import { clientKinds, subjectFromKey } from '../client.ts';
import { parseDurationMs } from '../duration.ts';
import type { Problem } from '../errors.ts';
import { parseYamlText, problemsOf, yamlTroubleOf } from '../problems.ts';

const closed = { additionalProperties: false };
const text = (maxLength: number) => Type.String({ minLength: 1, maxLength });
const subject = text(200);
const duration = text(20);

const ActorFields = Type.Object(
  {
    name: Type.Optional(text(64)),
    address: text(64),
    forwardedFor: Type.Optional(text(512)),
    user: Type.Optional(text(128)),
    key: Type.Optional(text(128)),
    tenant: Type.Optional(text(128)),
    requests: Type.Array(text(512), { minItems: 1, maxItems: 1000 }),
    every: duration,
    from: Type.Optional(duration),
    until: duration,
    atOnce: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
    honours: Type.Optional(Type.Boolean()),
    routed: Type.Optional(Type.Boolean()),
    copies: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
    apart: Type.Optional(duration),
  },
  closed,
);

/** The JSON Schema of `traffic.yaml`. */
export const TrafficFileSchema = Type.Object(
  {
    version: Type.Literal(1),
    trustedProxies: Type.Optional(Type.Array(text(64), { maxItems: 100 })),
    outages: Type.Optional(
      Type.Array(Type.Object({ from: duration, until: duration }, closed), { minItems: 1, maxItems: 100 }),
    ),
    actors: Type.Array(ActorFields, { minItems: 1, maxItems: 1000 }),
  },
  closed,
);

const ExpectedFields = Type.Object(
  {
    subject,
    rule: text(64),
    withinMs: Type.Optional(Type.Integer({ minimum: 0 })),
    action: Type.Optional(Type.Union([Type.Literal('refuse'), Type.Literal('limit')])),
  },
  closed,
);
const ExpectedList = Type.Optional(Type.Array(ExpectedFields, { maxItems: 10_000 }));

/** The JSON Schema of `expected.json`. */
export const ExpectedFileSchema = Type.Object(
  {
    about: Type.Optional(text(1000)),
    achieves: Type.Optional(text(1000)),
    starts: Type.Optional(Type.Array(duration, { minItems: 1, maxItems: 60 })),
    allow: Type.Optional(
      Type.Array(
        Type.Object(
          { subject, kind: Type.Optional(Type.Union([Type.Literal('allow'), Type.Literal('canary')])) },
          closed,
        ),
        { maxItems: 1000 },
      ),
    ),
    blocks: ExpectedList,
    proposed: ExpectedList,
    shadow: ExpectedList,
    suppressed: Type.Optional(
      Type.Array(Type.Object({ subject, rule: text(64), reason: text(40) }, closed), { maxItems: 10_000 }),
    ),
    nobodyElse: Type.Optional(Type.Boolean()),
    blocksAtMost: Type.Optional(Type.Integer({ minimum: 0 })),
    proposedAtLeast: Type.Optional(Type.Integer({ minimum: 0 })),
    untouched: Type.Optional(Type.Array(subject, { maxItems: 10_000 })),
  },
  closed,
);

export type ActorInput = Type.Static<typeof ActorFields>;
export type TrafficFile = Type.Static<typeof TrafficFileSchema>;
export type ExpectedBlock = Type.Static<typeof ExpectedFields>;
export type Expected = Type.Static<typeof ExpectedFileSchema>;

/** A value, or everything that is wrong with its text. */
export type Parsed<T> = { readonly value: T } | { readonly problems: readonly Problem[] };

const parsed = <T>(schema: TSchema, source: string, furtherProblems: (value: T) => readonly Problem[]): Parsed<T> => {
  let value: unknown;
  try {
    value = parseYamlText(source);
  } catch (error) {
    return { problems: [{ path: '', message: yamlTroubleOf(error) }] };
  }
  const problems = problemsOf(schema, value);
  if (problems.length > 0) return { problems };
  const further = furtherProblems(value as T);
  return further.length > 0 ? { problems: further } : { value: value as T };
};

const durationProblem = (path: string, given: string | undefined, leastMs = 0): Problem[] => {
  const ms = given === undefined ? leastMs : parseDurationMs(given);
  if (ms !== null && ms >= leastMs) return [];
  return [{ path, message: `must be a duration such as 250ms, 90s or 15m${leastMs > 0 ? ', above 0' : ''}` }];
};

const maxRequests = 2_000_000;

const actorProblems = (actor: ActorInput, path: string): Problem[] => {
  const problems = [
    ...durationProblem(`${path}.every`, actor.every, 1),
    ...durationProblem(`${path}.from`, actor.from),
    ...durationProblem(`${path}.until`, actor.until, 1),
    ...durationProblem(`${path}.apart`, actor.apart),
    ...actor.requests.flatMap((line, index) =>
      /^[A-Z]{1,16} \/\S*$/.test(line)
        ? []
        : [{ path: `${path}.requests[${index}]`, message: 'must be METHOD /path; # becomes a running number' }],
    ),
  ];
  if (problems.length > 0) return problems;
  const [fromMs, untilMs, everyMs] = [actor.from ?? '0s', actor.until, actor.every].map(
    (given) => parseDurationMs(given) ?? 0,
  ) as [number, number, number];
  if (fromMs >= untilMs) problems.push({ path: `${path}.until`, message: 'must be later than from' });
  const requests = ((untilMs - fromMs) / everyMs) * (actor.atOnce ?? 1) * (actor.copies ?? 1);
  if (requests > maxRequests) problems.push({ path, message: `sends more than ${maxRequests} requests` });
  return problems;
};

/** `traffic.yaml`: who sends what, how often, from when until when. */
export const parseTraffic = (source: string): Parsed<TrafficFile> =>
  parsed<TrafficFile>(TrafficFileSchema, source, ({ actors, outages = [] }) => [
    ...actors.flatMap((actor, index) => actorProblems(actor, `actors[${index}]`)),
    ...outages.flatMap(({ from, until }, index) => [
      ...durationProblem(`outages[${index}].from`, from),
      ...durationProblem(`outages[${index}].until`, until, 1),
    ]),
  ]);

const subjectProblem = (path: string, key: string): Problem[] =>
  subjectFromKey(key)
    ? []
    : [{ path, message: `must be ${clientKinds.join(':…, ')}:… or network:…/…, after TENANT/ where only in one` }];

/** `expected.json`. */
export const parseExpected = (source: string): Parsed<Expected> =>
  parsed<Expected>(ExpectedFileSchema, source, (expected) => [
    ...(expected.starts ?? []).flatMap((start, index) => durationProblem(`starts[${index}]`, start)),
    ...(['blocks', 'proposed', 'shadow', 'suppressed', 'allow'] as const).flatMap((name) =>
      (expected[name] ?? []).flatMap((entry, index) => subjectProblem(`${name}[${index}].subject`, entry.subject)),
    ),
    ...(expected.untouched ?? []).flatMap((key, index) => subjectProblem(`untouched[${index}]`, key)),
  ]);
