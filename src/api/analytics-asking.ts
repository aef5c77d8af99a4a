import type { FastifyReply, FastifyRequest } from 'fastify';
import type { DecisionQuestions } from '../analytics/decision-questions.ts';
import type { DecisionReader } from '../analytics/decision-reader.ts';
import type { Clock } from '../clock.ts';
import { RequestFailure } from './problem.ts';

export interface AskingOptions {
  /** Null: the database is not in reach of this process. */
  readonly reader: DecisionReader | null;
  readonly clock: Clock;
}

/** What a route asks about. */
export interface Question<T> {
  /** The tenant that is named in the request, if one is. */
  readonly tenant?: string | undefined;
  readonly ask: (questions: DecisionQuestions) => Promise<T>;
}

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** A tenant that is named must be in reach: an empty answer would look like a quiet one. */
export const checkTenant = ({ reviewer }: FastifyRequest, tenant: string | undefined): void => {
  const { tenants, name } = reviewer;
  if (tenant === undefined || tenants === null || tenants.includes(tenant)) return;
  throw new RequestFailure('forbidden', `The tenant ${tenant} is out of reach of ${name}.`);
};

export const serverTiming = (durationUs: number): string => `db;dur=${(durationUs / 1000).toFixed(1)}`;

/** Asks the database on behalf of whoever sent the request, within their tenants. */
export type Ask = <T>(exchange: Exchange, question: Question<T>) => Promise<T>;

/** The one way from a route to the database: nothing is asked without the reach of who asks. */
export const askingFor =
  ({ reader, clock }: AskingOptions): Ask =>
  async ({ request, reply }, { tenant, ask }) => {
    checkTenant(request, tenant);
    if (!reader) throw new RequestFailure('unavailable', 'The analytics database is not in reach of this process.');
    const startUs = clock.monotonicUs();
    try {
      return await ask(reader.within(request.reviewer.tenants));
    } finally {
      void reply.header('server-timing', serverTiming(clock.monotonicUs() - startUs));
    }
  };
