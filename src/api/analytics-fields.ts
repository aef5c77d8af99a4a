import { Type } from 'typebox';
import type { DecisionFilter } from '../analytics/decision-questions.ts';
import { type DecisionTotals, type TimeRange, wholeStep } from '../analytics/decision-reader.ts';
import type { Client } from '../client.ts';
import { clientFromKey } from '../client.ts';
import type { Clock } from '../clock.ts';
import { isPseudonym } from '../ingest/pseudonyms.ts';
import { InstantInput, instantFrom, subjectFrom } from './fields.ts';
import { invalidField } from './problem.ts';

export const Count = Type.Integer({ minimum: 0 });
export const Share = Type.Number({ minimum: 0, maximum: 1 });

/** Part of a query that asks about a range of time. */
export const rangeFields = (length: string) => ({
  from: Type.Optional(InstantInput(`RFC 3339; default: ${length} before \`to\`.`)),
  to: Type.Optional(InstantInput('RFC 3339, exclusive; default: now.')),
});

export const stepField = {
  stepMinutes: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 1440,
      default: 1,
      description: 'Width of a step; more than an hour is rounded up to whole hours.',
    }),
  ),
};

const Name = (what: string) => Type.Optional(Type.String({ maxLength: 512, description: `${what}, exactly.` }));

export const ClientText = Type.String({
  minLength: 4,
  maxLength: 512,
  description:
    '`ip:203.0.113.9`, `user:…` or `key:…`; `acme/user:…` within the tenant acme alone. Found under its pseudonyms, too.',
  examples: ['ip:203.0.113.9'],
});

/** Decisions that are meant; every given part must hold. */
export const filterFields = {
  tenant: Name('Tenant'),
  route: Name('Method and route template, such as `GET /orders/:id`'),
  region: Name('Region'),
  policy: Name('Deciding policy; of blocked decisions the rule of the block'),
  client: Type.Optional(ClientText),
};

/** By outcome, in answers. */
export const outcomeFields = { decisions: Count, allowed: Count, denied: Count, blocked: Count };

export const outcomesOf = ({ decisions, allowed, denied, blocked }: DecisionTotals): DecisionTotals => ({
  ...{ decisions, allowed, denied, blocked },
});

interface RangeInput {
  readonly from?: string;
  readonly to?: string;
}

export interface RangeBounds {
  readonly defaultMs: number;
  readonly maxMs?: number;
}

const hourMs = 3_600_000;
/** Minutes are stored in 32 bits of seconds. */
const lastMs = Date.UTC(2100, 0, 1);

/** The range that is asked about. Throws a 400 that names the field. */
export const rangeFrom = (input: RangeInput, clock: Clock, { defaultMs, maxMs }: RangeBounds): TimeRange => {
  const toMs = input.to === undefined ? clock.nowMs() : instantFrom(input.to, 'query.to');
  const fromMs = input.from === undefined ? Math.max(0, toMs - defaultMs) : instantFrom(input.from, 'query.from');
  if (fromMs >= toMs) throw invalidField('query.from', 'must be before query.to');
  if (fromMs < 0) throw invalidField('query.from', 'must not be before 1970');
  if (toMs > lastMs) throw invalidField('query.to', 'must not be after 2100');
  if (maxMs !== undefined && toMs - fromMs > maxMs) {
    throw invalidField('query.from', `must be at most ${maxMs / hourMs} hours before query.to`);
  }
  return { fromMs, toMs };
};

const maxSteps = 2000;

/** The step that is asked for. Throws a 400 where an answer would have too many of them. */
export const stepFrom = (asked: number | undefined, { fromMs, toMs }: TimeRange): number => {
  const stepMinutes = wholeStep(asked ?? 1);
  if ((toMs - fromMs) / (stepMinutes * 60_000) <= maxSteps) return stepMinutes;
  throw invalidField('query.stepMinutes', `must be larger: at most ${maxSteps} steps fit one answer`);
};

/** A client, and the tenant in which it is meant. */
export interface NamedClient {
  readonly client: Client;
  readonly tenant?: string;
}

/** Who is meant. Throws a 400: no client, or a network, whose decisions are stored under its clients. */
export const clientFrom = (text: string, path: string): NamedClient => {
  const stored = clientFromKey(text);
  if (stored && isPseudonym(stored.id)) return { client: stored };
  const { kind, id, tenant } = subjectFrom(text, path);
  if (kind === 'network') throw invalidField(path, 'must be a single client: ip:…, user:… or key:…');
  return { client: { kind, id }, ...(tenant === undefined ? {} : { tenant }) };
};

interface FilterInput {
  readonly tenant?: string;
  readonly route?: string;
  readonly region?: string;
  readonly policy?: string;
  readonly client?: string;
}

/** The filter of a query. Throws a 400 that names the field. */
export const filterFrom = ({ client, tenant, route, region, policy }: FilterInput): DecisionFilter => {
  const named = client === undefined ? null : clientFrom(client, 'query.client');
  if (named?.tenant !== undefined && tenant !== undefined && named.tenant !== tenant) {
    throw invalidField('query.client', 'is within another tenant than query.tenant');
  }
  const within = tenant ?? named?.tenant;
  return {
    ...(within === undefined ? {} : { tenant: within }),
    ...(route === undefined ? {} : { route }),
    ...(region === undefined ? {} : { region }),
    ...(policy === undefined ? {} : { policy }),
    ...(named === null ? {} : { client: named.client }),
  };
};
