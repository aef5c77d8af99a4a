import { type Live, useLive } from './live.ts';

export interface Alert {
  readonly id: string;
  readonly alert: string;
  readonly severity: 'page' | 'ticket';
  readonly area: string;
  readonly state: 'pending' | 'firing' | 'resolved';
  readonly since: string;
  readonly firingSince: string | null;
  readonly resolvedAt: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly cause: string | null;
  readonly causeText: string | null;
  readonly numbersText: string;
  readonly summary: string;
  readonly inhibitedBy: string | null;
  readonly muted: { readonly until: string; readonly reason: string } | null;
  readonly runbook: string;
  readonly dashboard: string | null;
}

export interface AlertsAnswer {
  readonly isEvaluated: boolean;
  readonly evaluatedAt: string | null;
  readonly unanswered: readonly string[];
  readonly alerts: readonly Alert[];
}

/** What is wrong now, as whoever evaluates alerts has found. */
export const useAlerts = (): Live<AlertsAnswer> => useLive<AlertsAnswer>('v1/alerts', 5000);

/** Those that somebody has to look at. */
export const firingIn = (answer: AlertsAnswer | null): readonly Alert[] =>
  (answer?.alerts ?? []).filter(({ state, muted }) => state === 'firing' && muted === null);
