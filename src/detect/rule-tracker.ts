import type { Verdict } from '../blocklist/block.ts';
import type { Client } from '../client.ts';
import { judge } from './judge.ts';
import { parseRouteTest } from './route-test.ts';
import { incidentMs, type Rule } from './rule.ts';
import { addTo, newTally, type Observed, type WindowTally } from './tally.ts';
import { verdictOf } from './verdict.ts';

export const trackerDefaults = {
  /** Clients with denials, per rule and partition; the one not seen for longest is forgotten and counted. */
  maxSuspects: 10_000,
  /** Clients without: only kept to know their share once they are denied. */
  maxQuiet: 10_000,
} as const;

/** A quiet client has windows only as evidence of how much it was allowed; two cover the window and late events. */
const quietWindows = 2;

export interface TrackedEvent extends Observed {
  readonly client: Client;
  readonly tenant: string;
}

interface TrackedClient {
  readonly client: Client;
  readonly tenant: string;
  /** Ascending by start, at most what the rule looks at. */
  windows: WindowTally[];
  suspect: boolean;
  /** Start of the newest incident that got a verdict. */
  judgedIncidentMs: number;
}

export interface TrackerOptions {
  readonly rule: Rule;
  readonly partition: number;
  /** Incidents that began earlier were judged by whoever owned the partition then. */
  readonly sinceMs: number;
  readonly maxSuspects?: number;
  readonly maxQuiet?: number;
}

/** What one rule knows of the clients of one partition. Pure: the same events in the same order, the same verdicts. */
export class RuleTracker {
  readonly #rule: Rule;
  readonly #partition: number;
  readonly #sinceMs: number;
  readonly #maxSuspects: number;
  readonly #maxQuiet: number;
  readonly #routeTests: readonly ((route: string) => boolean)[] | null;
  /** Both: the client not seen for longest comes first. */
  readonly #suspects = new Map<string, TrackedClient>();
  readonly #quiet = new Map<string, TrackedClient>();
  readonly #touched = new Set<TrackedClient>();
  #evicted = 0;

  constructor({ rule, partition, sinceMs, maxSuspects, maxQuiet }: TrackerOptions) {
    this.#rule = rule;
    this.#partition = partition;
    this.#sinceMs = sinceMs;
    this.#maxSuspects = maxSuspects ?? trackerDefaults.maxSuspects;
    this.#maxQuiet = maxQuiet ?? trackerDefaults.maxQuiet;
    this.#routeTests = rule.match.routes?.flatMap((pattern) => parseRouteTest(pattern) ?? []) ?? null;
  }

  get rule(): Rule {
    return this.#rule;
  }

  get clients(): number {
    return this.#suspects.size + this.#quiet.size;
  }

  /** Suspects forgotten for lack of room. */
  get evicted(): number {
    return this.#evicted;
  }

  observe(event: TrackedEvent): void {
    if (!this.#matches(event)) return;
    const tracked = this.#trackedFor(event);
    const tally = this.#windowFor(tracked, event.atMs);
    if (!tally) return;
    addTo(tally, event);
    if (event.denied) this.#touched.add(tracked);
  }

  /** Verdicts on the clients that were denied something since the last call. */
  conclude(): Verdict[] {
    if (this.#touched.size === 0) return [];
    const verdicts: Verdict[] = [];
    for (const tracked of this.#touched) {
      const verdict = this.#judge(tracked);
      if (verdict) verdicts.push(verdict);
    }
    this.#touched.clear();
    return verdicts;
  }

  /** Forgets clients whose newest window is out of sight. */
  forgetBefore(atMs: number): void {
    const { lengthMs, of } = this.#rule.windows;
    for (const clients of [this.#suspects, this.#quiet]) {
      for (const [key, { windows }] of clients) {
        const newest = windows.at(-1)?.startMs ?? Number.NEGATIVE_INFINITY;
        if (newest + lengthMs * of <= atMs) clients.delete(key);
      }
    }
  }

  #matches({ client, tenant, route, denied, policy }: TrackedEvent): boolean {
    const { clientKinds, tenants, policies } = this.#rule.match;
    if (clientKinds && !clientKinds.includes(client.kind)) return false;
    if (tenants && !tenants.includes(tenant)) return false;
    // What was allowed counts whichever policy had the least left: it is the other side of the route's share.
    if (denied && policies && !policies.includes(policy)) return false;
    return this.#routeTests === null || (route !== null && this.#routeTests.some((test) => test(route)));
  }

  #trackedFor({ client, tenant, denied }: TrackedEvent): TrackedClient {
    const key = `${client.kind}:${client.id}\n${tenant}`;
    const suspect = this.#suspects.get(key);
    const known = suspect ?? this.#quiet.get(key);
    const tracked = known ?? {
      client,
      tenant,
      windows: [],
      suspect: false,
      judgedIncidentMs: Number.NEGATIVE_INFINITY,
    };
    const from = suspect ? this.#suspects : this.#quiet;
    from.delete(key);
    tracked.suspect ||= denied;
    const to = tracked.suspect ? this.#suspects : this.#quiet;
    to.set(key, tracked);
    this.#bound();
    return tracked;
  }

  #bound(): void {
    if (this.#suspects.size > this.#maxSuspects) {
      this.#evicted += 1;
      dropOldest(this.#suspects);
    }
    if (this.#quiet.size > this.#maxQuiet) dropOldest(this.#quiet);
  }

  /** The window of this instant; null when it is too old for the client. */
  #windowFor(tracked: TrackedClient, atMs: number): WindowTally | null {
    const { lengthMs, of } = this.#rule.windows;
    const startMs = Math.floor(atMs / lengthMs) * lengthMs;
    const newest = tracked.windows.at(-1);
    if (newest?.startMs === startMs) return newest;
    const known = tracked.windows.find((tally) => tally.startMs === startMs);
    if (known) return known;
    const newestMs = Math.max(startMs, newest?.startMs ?? startMs);
    const oldestMs = newestMs - (of - 1) * lengthMs;
    if (startMs < oldestMs) return null;
    const made = newTally(startMs);
    const kept = [...tracked.windows.filter((tally) => tally.startMs >= oldestMs), made];
    kept.sort((left, right) => left.startMs - right.startMs);
    tracked.windows = tracked.suspect ? kept : kept.slice(-quietWindows);
    return made;
  }

  #judge(tracked: TrackedClient): Verdict | null {
    const { windows } = tracked;
    const windowStartMs = windows.at(-1)?.startMs ?? 0;
    const lengthMs = incidentMs(this.#rule);
    const incident = Math.floor(windowStartMs / lengthMs) * lengthMs;
    if (incident <= tracked.judgedIncidentMs) return null;
    const judgement = judge(this.#rule, windows);
    if (judgement.weight < this.#rule.windows.hit) return null;
    tracked.judgedIncidentMs = incident;
    if (incident < this.#sinceMs) return null;
    const { client, tenant } = tracked;
    const rule = this.#rule;
    return verdictOf({
      rule,
      client,
      tenant,
      partition: this.#partition,
      judgement,
      stretch: windows,
      windowStartMs,
    });
  }
}

const dropOldest = (clients: Map<string, TrackedClient>): void => {
  const oldest = clients.keys().next();
  if (!oldest.done) clients.delete(oldest.value);
};
