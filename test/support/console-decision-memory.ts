import type {
  ClientHistory,
  DecisionQuestions,
  NamedTotals,
  OutcomePoint,
  StoredDecision,
} from '../../src/analytics/decision-questions.ts';
import type { DecisionReader } from '../../src/analytics/decision-reader.ts';
import type { DecisionRecord } from '../../src/event/decision-event.ts';

const none = { decisions: 0, allowed: 0, denied: 0, blocked: 0 };

const added = <T extends typeof none>(sum: T, { outcome }: DecisionRecord): T => ({
  ...sum,
  decisions: sum.decisions + 1,
  [outcome]: sum[outcome] + 1,
});

const named = (rows: readonly DecisionRecord[], of: (row: DecisionRecord) => string): NamedTotals[] => {
  const sums = new Map<string, NamedTotals>();
  for (const row of rows) sums.set(of(row), added(sums.get(of(row)) ?? { ...none, name: of(row) }, row));
  return [...sums.values()].filter(({ name }) => name !== '').sort((one, other) => other.decisions - one.decisions);
};

/** What a database would hold of the decisions of one gate, as far as the pages ask about one client. */
export class DecisionMemory {
  readonly #rows: DecisionRecord[] = [];

  record(decision: DecisionRecord): void {
    this.#rows.push(decision);
  }

  reader(): DecisionReader {
    const questions = { clientHistory: this.#history, decisionsAround: this.#around };
    const nothing = (): Promise<readonly never[]> => Promise.resolve([]);
    return {
      totals: () => Promise.resolve(this.#rows.reduce(added, none)),
      throttleRates: nothing,
      latencies: nothing,
      topDeniedClients: nothing,
      freshness: () => Promise.resolve({ newestEventAtMs: null, newestStoredAtMs: null }),
      within: () =>
        ({
          ...questions,
          throttleRates: nothing,
          outcomes: nothing,
          offenders: nothing,
          nearLimit: nothing,
          spikes: nothing,
          changeLogs: nothing,
          blockChanges: nothing,
        }) as ReturnType<DecisionReader['within']>,
    } as DecisionReader;
  }

  readonly #history: DecisionQuestions['clientHistory'] = ({ client, fromMs, toMs, stepMinutes = 1 }) => {
    const rows = this.#rows.filter(
      (row) =>
        row.clientKind === client.kind &&
        row.client === client.id &&
        row.timeMs >= fromMs - 60_000 &&
        row.timeMs < toMs + 60_000,
    );
    const steps = new Map<number, OutcomePoint>();
    for (const row of rows) {
      const atMs = Math.floor(row.timeMs / (stepMinutes * 60_000)) * stepMinutes * 60_000;
      steps.set(atMs, added(steps.get(atMs) ?? { ...none, atMs, degraded: 0 }, row));
    }
    const history: ClientHistory = {
      points: [...steps.values()],
      routes: named(rows, ({ route }) => route),
      policies: named(rows, ({ policy }) => policy),
      addresses: named(rows, ({ address }) => address),
      tenants: named(rows, ({ tenant }) => tenant),
      firstSeenAtMs: rows[0]?.timeMs ?? null,
      lastSeenAtMs: rows.at(-1)?.timeMs ?? null,
    };
    return Promise.resolve(history);
  };

  readonly #around: DecisionQuestions['decisionsAround'] = ({ client }) =>
    Promise.resolve(
      this.#rows
        .filter((row) => row.clientKind === client.kind && row.client === client.id)
        .slice(-40)
        .reverse()
        .map(
          (row): StoredDecision => ({
            atMs: row.timeMs,
            isOwn: true,
            ...{ route: row.route, method: row.method, tenant: row.tenant, region: 'eu', outcome: row.outcome },
            ...{ source: row.source, policy: row.policy, policyVersion: row.policyVersion, scope: row.scope },
            ...{ limit: row.limit, remaining: row.remaining, degraded: row.degraded, count: 1 },
          }),
        ),
    );
}
