import { type Client, clientKeyOf } from '../client.ts';
import type { Decision, Outcome } from '../decision/decision.ts';

export type OutcomeCounts = { readonly [Key in Outcome]: number };

export interface OffenderRoute {
  readonly route: string;
  readonly denied: number;
  readonly blocked: number;
}

/** A client that was refused at least once. */
export interface Offender extends OutcomeCounts {
  readonly client: Client;
  /** Where it was refused, most refusals first, at most {@link maxRoutesPerOffender}. */
  readonly routes: readonly OffenderRoute[];
}

interface ClientTally {
  readonly client: Client;
  readonly counts: { allowed: number; denied: number; blocked: number };
  readonly routes: Map<string, { denied: number; blocked: number }>;
}

export const maxRoutesPerOffender = 10;
/** A gate derives at most 64 routes per client for paths it does not know; templates come on top. */
const maxRoutesHeld = 256;

const refusals = ({ denied, blocked }: { readonly denied: number; readonly blocked: number }): number =>
  denied + blocked;

/** What was decided, in total and by client. Clients are as many as the log names; a replay holds the log anyway. */
export class Tally {
  readonly #counts = { allowed: 0, denied: 0, blocked: 0 };
  readonly #clients = new Map<string, ClientTally>();
  #decisions = 0;

  add({ client, route, outcome }: Pick<Decision, 'client' | 'route' | 'outcome'>): void {
    this.#decisions += 1;
    this.#counts[outcome] += 1;
    const tally = this.#of(client);
    tally.counts[outcome] += 1;
    if (outcome === 'allowed') return;
    const held = tally.routes.has(route) || tally.routes.size < maxRoutesHeld ? route : '~other';
    const refused = tally.routes.get(held) ?? { denied: 0, blocked: 0 };
    refused[outcome] += 1;
    tally.routes.set(held, refused);
  }

  totals(): OutcomeCounts & { readonly decisions: number; readonly clients: number } {
    return { decisions: this.#decisions, ...this.#counts, clients: this.#clients.size };
  }

  /** The most refused clients first. */
  offenders(maxOffenders: number): Offender[] {
    return [...this.#clients.values()]
      .filter(({ counts }) => refusals(counts) > 0)
      .sort((left, right) => refusals(right.counts) - refusals(left.counts))
      .slice(0, maxOffenders)
      .map(({ client, counts, routes }) => ({
        client,
        ...counts,
        routes: [...routes]
          .map(([route, refused]) => ({ route, ...refused }))
          .sort((left, right) => refusals(right) - refusals(left))
          .slice(0, maxRoutesPerOffender),
      }));
  }

  #of(client: Client): ClientTally {
    const key = clientKeyOf(client);
    const known = this.#clients.get(key);
    if (known) return known;
    const made = { client, counts: { allowed: 0, denied: 0, blocked: 0 }, routes: new Map() };
    this.#clients.set(key, made);
    return made;
  }
}
