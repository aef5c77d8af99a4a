import { GraphThresholdsStyleConfigBuilder, GraphThresholdsStyleMode } from '@grafana/grafana-foundation-sdk/common';
import type { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import type { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { alertCatalogue } from '../src/alert/catalogue/catalogue.ts';
import type { AlertDefinition } from '../src/alert/definition.ts';
import type { InstrumentId } from '../src/metrics/instruments.ts';
import { type DashboardName, dashboardUids } from './links.ts';
import { steps } from './panels.ts';

interface AlertBound {
  readonly value: number;
  readonly isLeast: boolean;
  readonly severity: AlertDefinition['severity'];
}

/** A panel that alerts point to, and the figure that it shows. */
export interface AlertPanel {
  readonly on: DashboardName;
  readonly id: number;
  readonly figure: InstrumentId;
}

/** Of alerts about what a panel shows as it is: no share of something else, and no growth over another stretch of time. */
const boundsAt = ({ on, id, figure }: AlertPanel): AlertBound[] =>
  alertCatalogue.flatMap(({ question, dashboard, severity }): AlertBound[] => {
    if (dashboard.uid !== dashboardUids[on] || dashboard.panelId !== id) return [];
    if (question.kind !== 'figures' || question.per !== undefined) return [];
    if (question.value.figure !== figure || question.value.reading !== 'last') return [];
    const { bound } = question;
    const isLeast = 'below' in bound;
    return [{ value: isLeast ? bound.below : bound.above, isLeast, severity }];
  });

const colorOf = ({ severity }: AlertBound): string => (severity === 'page' ? 'red' : 'orange');

/** The smallest change that is above a bound: what is at the bound is still well. */
const justAbove = (value: number): number => (value === 0 ? 1e-9 : value);

const stepsOf = (bounds: readonly AlertBound[], fine: string): ReturnType<typeof steps> => {
  const [first] = bounds;
  if (first?.isLeast) {
    return steps([
      { value: null, color: colorOf(first) },
      { value: first.value, color: fine },
    ]);
  }
  const rising = [...bounds].sort((left, right) => left.value - right.value);
  return steps([
    { value: null, color: fine },
    ...rising.map((bound) => ({ value: justAbove(bound.value), color: colorOf(bound) })),
  ]);
};

/** Draws where the alerts that point to this panel begin: what they say and what is seen are one number. */
export const withAlertLine = (panel: PanelBuilder, about: AlertPanel): PanelBuilder => {
  const bounds = boundsAt(about);
  if (bounds.length === 0) return panel;
  return panel
    .thresholds(stepsOf(bounds, 'transparent'))
    .thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed));
};

/** Colours a number as the alerts about the panel that shows it over time. */
export const withAlertColor = (panel: StatBuilder, about: AlertPanel): StatBuilder => {
  const bounds = boundsAt(about);
  return bounds.length === 0 ? panel : panel.thresholds(stepsOf(bounds, 'green'));
};
