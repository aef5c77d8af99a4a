import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import { prometheusNameOf } from './alert-name.ts';
import type { Labels } from './instance.ts';
import type { Post, PostResult } from './post.ts';
import type { AlertReport } from './rule.ts';

/** An Alertmanager, and how it lets people in. */
export interface Alertmanager {
  /** Its address: `/api/v2/alerts` is added. Without user and password. */
  readonly url: URL;
  /** `Basic …` or `Bearer …`; null: it asks for nothing. */
  readonly authorization: string | null;
}

export interface AlertmanagerClientOptions {
  readonly target: Alertmanager;
  readonly post: Post;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where alerts are to be seen: the address of this API, as people reach it. Null: the runbook stands in for it. */
  readonly generatorUrl: string | null;
  /** Added to each alert: which installation it comes from. */
  readonly externalLabels: Labels;
}

/** Told again and again, so that it may forget or begin anew. */
export const resendMs = 60_000;
/** What is not told again by then is over: four times the pause, so that one or two tellings may fail. */
const endsAfterMs = 4 * resendMs;
/** For so long the end is told, as the beginning is: one that was away, or has begun anew, hears of it. */
const resolvedForMs = 15 * 60_000;
const alertsAtOnce = 100;
/** Requests of one telling, those included that look for what is refused among others. */
const maxRequests = 40;
/** Who answers slowly is told the rest with the next evaluation: the lead must not be lost over it. */
const tellWithinMs = 10_000;

/** Labels as Alertmanager takes them: names of its alphabet, no empty values. */
const labelsOf = (labels: Labels): Record<string, string> =>
  Object.fromEntries(
    Object.entries(labels)
      .filter(([, value]) => value !== '')
      .map(([name, value]) => [name.replaceAll(/[^a-zA-Z0-9_]/g, '_').replace(/^(?=\d)/, '_'), value]),
  );

const annotationsOf = ({ summary, cause, numbers, runbook, dashboard, rule }: AlertReport): Record<string, string> => ({
  summary,
  description: rule.when,
  ...(cause === null ? {} : { cause }),
  ...(numbers === '' ? {} : { numbers }),
  runbook_url: runbook,
  ...(dashboard === null ? {} : { dashboard_url: dashboard }),
});

export interface PostableAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly generatorURL?: string;
}

type PostableOptions = Pick<AlertmanagerClientOptions, 'generatorUrl' | 'externalLabels'> & { readonly atMs: number };

/** An alert in the form of Alertmanager's v2 API. */
export const postableOf = (report: AlertReport, options: PostableOptions): PostableAlert => {
  const { instance, rule } = report;
  const { generatorUrl, externalLabels, atMs } = options;
  const startMs = instance.firedAtMs ?? instance.startedAtMs;
  const endMs = instance.state === 'resolved' ? (instance.resolvedAtMs ?? atMs) : atMs + endsAfterMs;
  const url = generatorUrl ?? report.runbook;
  return {
    labels: {
      ...labelsOf(externalLabels),
      area: rule.area,
      ...labelsOf(instance.labels),
      ...labelsOf(rule.extraLabels),
      alertname: prometheusNameOf(rule.id),
      severity: rule.severity,
    },
    annotations: annotationsOf(report),
    startsAt: new Date(startMs).toISOString(),
    // A clock that was set back must not make an alert that ends before it starts.
    endsAt: new Date(Math.max(endMs, startMs + 1)).toISOString(),
    ...(URL.canParse(url) ? { generatorURL: url } : {}),
  };
};

const isTaken = (result: PostResult): boolean =>
  result.kind === 'answered' && result.status >= 200 && result.status < 300;

/** It is there, and does not take what it was sent. */
const refusals: ReadonlySet<number> = new Set([400, 413, 422]);

/** The request that tells an Alertmanager of alerts. */
export const alertmanagerRequest = ({ url, authorization }: Alertmanager, alerts: readonly PostableAlert[]) => ({
  url: new URL(`${url.href.replace(/\/$/, '')}/api/v2/alerts`),
  headers: {
    'content-type': 'application/json',
    'user-agent': 'tidegate',
    ...(authorization === null ? {} : { authorization }),
  },
  body: JSON.stringify(alerts),
  // Whoever runs it has named it: an Alertmanager lies in a private network more often than not.
  allowPrivate: true,
});

/** Tells one Alertmanager. What it does not take is told again with the next evaluation. */
export class AlertmanagerClient {
  readonly #options: AlertmanagerClientOptions;
  /** Instance and state → when it was last taken, by a clock that nobody sets. */
  #takenUs = new Map<string, number>();
  #counts = { told: 0, failures: 0 };

  constructor(options: AlertmanagerClientOptions) {
    this.#options = options;
  }

  stats(): { readonly told: number; readonly failures: number } {
    return this.#counts;
  }

  /** Never rejects, and waits for one answer at a time. */
  async tell(reports: readonly AlertReport[], atMs: number): Promise<void> {
    const open = reports.filter(({ instance: { resolvedAtMs } }) =>
      resolvedAtMs === null ? true : Math.abs(atMs - resolvedAtMs) <= resolvedForMs,
    );
    this.#forgetOthers(open);
    const due = open.filter((report) => this.#isDue(report));
    const waiting: (readonly AlertReport[])[] = [];
    for (let from = 0; from < due.length; from += alertsAtOnce) waiting.push(due.slice(from, from + alertsAtOnce));
    const whole = waiting.length;
    const untilUs = this.#options.clock.monotonicUs() + tellWithinMs * 1000;
    for (let requests = 0; requests < maxRequests && this.#options.clock.monotonicUs() < untilUs; requests += 1) {
      const some = waiting.shift();
      if (some === undefined) return;
      const level = requests < whole || some.length === 1 ? 'warn' : 'debug';
      const outcome = await this.#send(some, { atMs, level });
      if (outcome === 'away') return;
      // One that it does not take must not keep the others from being told: it is looked for by halves.
      const half = Math.ceil(some.length / 2);
      if (outcome === 'refused' && some.length > 1) waiting.push(some.slice(0, half), some.slice(half));
    }
  }

  #keyOf({ instance: { id, state } }: AlertReport): string {
    return `${state} ${id}`;
  }

  #isDue(report: AlertReport): boolean {
    const takenUs = this.#takenUs.get(this.#keyOf(report));
    return takenUs === undefined || this.#options.clock.monotonicUs() - takenUs >= resendMs * 1000;
  }

  #forgetOthers(reports: readonly AlertReport[]): void {
    const keys = new Set(reports.map((report) => this.#keyOf(report)));
    for (const key of this.#takenUs.keys()) if (!keys.has(key)) this.#takenUs.delete(key);
  }

  /** `away`: it cannot be reached, or is not well, and the rest waits. `refused`: it does not take one of them, or their number. */
  async #send(
    reports: readonly AlertReport[],
    { atMs, level }: { readonly atMs: number; readonly level: 'warn' | 'debug' },
  ): Promise<'taken' | 'refused' | 'away'> {
    const { target, post, clock, logger } = this.#options;
    const alerts = reports.map((report) => postableOf(report, { ...this.#options, atMs }));
    const result = await post(alertmanagerRequest(target, alerts));
    if (!isTaken(result)) {
      this.#counts.failures += 1;
      const why = result.kind === 'failed' ? result.why : `it answered ${result.status}`;
      logger[level]({ alertmanager: target.url.host, alerts: alerts.length, why }, 'an Alertmanager could not be told');
      return result.kind === 'answered' && refusals.has(result.status) ? 'refused' : 'away';
    }
    const takenUs = clock.monotonicUs();
    for (const report of reports) this.#takenUs.set(this.#keyOf(report), takenUs);
    this.#counts.told += reports.length;
    return 'taken';
  }
}
