import type { DelivererSource } from './observed.ts';
import { type Numbers, Watched } from './watched.ts';

/** What evaluates alerts. */
export interface AlertsSource {
  stats(): {
    readonly isLeader: boolean;
    readonly evaluations: number;
    readonly failures: number;
    readonly dropped: number;
    readonly durationMs: number;
    readonly ageMs: number | null;
    readonly blind: number;
    readonly firing: readonly { readonly alert: string; readonly severity: string; readonly count: number }[];
    readonly told: readonly { readonly channel: string; readonly told: number; readonly failures: number }[];
  };
}

type AlertStats = ReturnType<AlertsSource['stats']>;

const byAlert = ({ firing, isLeader }: AlertStats): Numbers => ({
  by: 'tidegate.alert',
  numbers: isLeader
    ? firing.map(({ alert, severity, count }) => [alert, count, { 'tidegate.severity': severity }] as const)
    : [],
});

const byChannel = ({ told }: AlertStats, of: 'told' | 'failures'): Numbers => ({
  by: 'tidegate.channel',
  numbers: told.map((channel) => [channel.channel, channel[of]] as const),
});

export const watchedAlerts = () =>
  new Watched({
    look: (alerts: AlertsSource) => alerts.stats(),
    figures: [
      { instrument: 'alertsEvaluations', combination: 'total', of: ({ evaluations }) => evaluations },
      { instrument: 'alertsEvaluationFailures', combination: 'total', of: ({ failures }) => failures },
      {
        instrument: 'alertsEvaluationDuration',
        combination: 'largest',
        of: ({ isLeader, durationMs }) => (isLeader ? durationMs / 1000 : null),
      },
      {
        instrument: 'alertsEvaluationAge',
        combination: 'largest',
        of: ({ ageMs }) => (ageMs === null ? null : ageMs / 1000),
      },
      { instrument: 'alertsBlind', combination: 'largest', of: ({ isLeader, blind }) => (isLeader ? blind : null) },
      { instrument: 'alertsFiring', combination: 'largest', of: byAlert },
      { instrument: 'alertsTold', combination: 'total', of: (stats) => byChannel(stats, 'told') },
      { instrument: 'alertsTellFailures', combination: 'total', of: (stats) => byChannel(stats, 'failures') },
      { instrument: 'alertsDropped', combination: 'total', of: ({ dropped }) => dropped },
      { instrument: 'alertsLeaders', combination: 'sum', of: ({ isLeader }) => (isLeader ? 1 : 0) },
    ],
  });

export const watchedDeliverers = () =>
  new Watched({
    look: (deliverer: DelivererSource) => deliverer.stats(),
    figures: [
      { instrument: 'webhooksDelivered', combination: 'total', of: ({ delivered }) => delivered },
      { instrument: 'webhooksFailures', combination: 'total', of: ({ failures }) => failures },
      { instrument: 'webhooksGivenUp', combination: 'total', of: ({ givenUp }) => givenUp },
      { instrument: 'webhooksDropped', combination: 'largest', of: (told) => (told.isLeader ? told.dropped : null) },
      { instrument: 'webhooksWaiting', combination: 'largest', of: (told) => (told.isLeader ? told.waiting : null) },
      { instrument: 'webhooksDisabled', combination: 'largest', of: (told) => (told.isLeader ? told.disabled : null) },
      { instrument: 'webhooksLeaders', combination: 'sum', of: ({ isLeader }) => (isLeader ? 1 : 0) },
    ],
  });
