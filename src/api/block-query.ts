import { type Static, Type } from 'typebox';
import { blockStates } from '../blocklist/block.ts';
import { type BlockFilter, blockSorts } from '../blocklist/block-review.ts';
import { subjectKeyOf, subjectKinds } from '../client.ts';
import type { Reviewer } from '../review/roles.ts';
import { InstantInput, instantFrom, SubjectText, subjectFrom } from './fields.ts';
import { invalidField, RequestFailure } from './problem.ts';

/** `active`, `active,proposed`, … */
const listPattern = (words: readonly string[]): string =>
  `^(?:${words.join('|')})(?:,(?:${words.join('|')})){0,${words.length - 1}}$`;

const origins = ['detector', 'person', 'list'] as const;

const States = Type.String({
  pattern: listPattern(blockStates),
  maxLength: 100,
  description: 'Comma-separated states.',
});

/** Every given part must hold. The same names in a query and in the body of a bulk change. */
export const filterFields = {
  state: Type.Optional(States),
  rule: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  subject: Type.Optional(SubjectText),
  kind: Type.Optional(
    Type.String({
      pattern: listPattern(subjectKinds),
      maxLength: 64,
      description: 'Comma-separated kinds of subject.',
    }),
  ),
  origin: Type.Optional(
    Type.String({ pattern: listPattern(origins), maxLength: 64, description: 'Comma-separated: who made it.' }),
  ),
  tenant: Type.Optional(Type.String({ minLength: 1, maxLength: 128, description: 'Of the subject or the evidence.' })),
  assignee: Type.Optional(Type.String({ maxLength: 128, description: "'': nobody has taken it on." })),
  unjudged: Type.Optional(Type.Boolean({ description: 'true: nobody has judged it; false: somebody has.' })),
  madeFrom: Type.Optional(InstantInput('Made then or later.')),
  madeTo: Type.Optional(InstantInput('Made before.')),
  minDenied: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
};

export const FilterSchema = Type.Object(filterFields, { additionalProperties: false });
export type FilterInput = Static<typeof FilterSchema>;

export const CountQuery = Type.Object(
  { ...filterFields, states: Type.Optional(Type.String({ ...States, description: 'Earlier name of `state`.' })) },
  { additionalProperties: false },
);

export const BlockQuery = Type.Object(
  {
    ...CountQuery.properties,
    sort: Type.Optional(Type.Enum([...blockSorts], { default: 'newest' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 100 })),
    cursor: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1024,
        description: '`nextCursor` of the page before, of the same query.',
      }),
    ),
  },
  { additionalProperties: false },
);

/** Tenants that are asked about: those of the filter, which must be in reach, or all that are. */
const tenantsOf = ({ tenants, name }: Reviewer, tenant: string | undefined): readonly string[] | null => {
  if (tenant === undefined) return tenants;
  if (tenants === null || tenants.includes(tenant)) return [tenant];
  throw new RequestFailure('forbidden', `The tenant ${tenant} is out of reach of ${name}.`);
};

/** JSON can say what no text of the list holds, and no script can read. */
const checkTexts = (input: object, at: string): void => {
  const half = Object.entries(input).find(([, value]) => typeof value === 'string' && !value.isWellFormed());
  if (half) throw invalidField(`${at}.${half[0]}`, 'must not hold half of a surrogate pair');
};

const split = <T extends string>(text: string): readonly T[] => text.split(',') as T[];

/** What a request means by its filter, within what whoever asks may see. `at`: `query` or `body.filter`. */
export const filterFrom = (
  input: FilterInput & { readonly states?: string },
  { reviewer, at }: { readonly reviewer: Reviewer; readonly at: string },
): BlockFilter => {
  const { rule, subject, kind, origin, assignee, unjudged, madeFrom, madeTo, minDenied } = input;
  checkTexts(input, at);
  const state = input.state ?? input.states;
  const tenants = tenantsOf(reviewer, input.tenant);
  return {
    ...(state === undefined ? {} : { states: split(state) }),
    ...(rule === undefined ? {} : { rule }),
    ...(subject === undefined ? {} : { subjectKey: subjectKeyOf(subjectFrom(subject, `${at}.subject`)) }),
    ...(kind === undefined ? {} : { subjectKinds: split(kind) }),
    ...(origin === undefined ? {} : { origins: split(origin) }),
    ...(tenants === null ? {} : { tenants }),
    ...(assignee === undefined ? {} : { assignee }),
    ...(unjudged === undefined ? {} : { isUnjudged: unjudged }),
    ...(madeFrom === undefined ? {} : { madeFromMs: instantFrom(madeFrom, `${at}.madeFrom`) }),
    ...(madeTo === undefined ? {} : { madeToMs: instantFrom(madeTo, `${at}.madeTo`) }),
    ...(minDenied === undefined ? {} : { minDenied }),
  };
};
