import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  BigValueColorMode,
  BigValueGraphMode,
  GraphDrawStyle,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import { type Threshold, ThresholdsConfigBuilder, ThresholdsMode } from '@grafana/grafana-foundation-sdk/dashboard';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as table from '@grafana/grafana-foundation-sdk/table';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';
import { chosenSource, clickhouseQuery } from './clickhouse-query.ts';

export interface PanelText {
  readonly title: string;
  /** What the reader sees, and what to make of it. */
  readonly description: string;
  /** Grafana's name of the unit. */
  readonly unit: string;
  readonly sql: string;
  /** What stands there without data: what that means, in a few words. Default: no decisions. */
  readonly empty?: string;
  /** Further queries of the same panel: refId → SQL. */
  readonly also?: Readonly<Record<string, string>>;
}

/** The rollup's grain: a shorter bucket would show holes. */
const grain = '1m';

const rateSteps: readonly Threshold[] = [
  { value: null, color: 'green' },
  { value: 0.05, color: 'yellow' },
  { value: 0.2, color: 'red' },
];

export const steps = (of: readonly Threshold[] = rateSteps): Builder<{ mode: ThresholdsMode; steps: Threshold[] }> =>
  new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([...of]);

/** Green below the first bound, yellow from it on, red from the second one on. */
export const worseAbove = (warn: number, bad: number): ReturnType<typeof steps> =>
  steps([
    { value: null, color: 'green' },
    { value: warn, color: 'yellow' },
    { value: bad, color: 'red' },
  ]);

const nothing = 'no decisions';

/** Grafana has bounds of its own where none are given, and writes every number from 80 on in red. */
const plain: readonly Threshold[] = [{ value: null, color: 'text' }];

/** One number for the range on screen, without a colour until it is given {@link steps}. */
export const numberPanel = ({ title, description, unit, sql, empty }: PanelText): stat.PanelBuilder =>
  new stat.PanelBuilder()
    .title(title)
    .description(description)
    .datasource(chosenSource)
    .unit(unit)
    .noValue(empty ?? nothing)
    .thresholds(steps(plain))
    .colorMode(BigValueColorMode.Value)
    .graphMode(BigValueGraphMode.None)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false).fields(''))
    .withTarget(clickhouseQuery(sql, 'table'));

/** Lines over time. Where there is no data there is no line: a hole is not zero. */
export const linesPanel = ({ title, description, unit, sql, empty, also }: PanelText): timeseries.PanelBuilder => {
  const panel = new timeseries.PanelBuilder()
    .title(title)
    .description(description)
    .datasource(chosenSource)
    .unit(unit)
    .noValue(empty ?? nothing)
    .min(0)
    .interval(grain)
    .lineWidth(2)
    .fillOpacity(8)
    .spanNulls(false)
    .showPoints(VisibilityMode.Auto)
    .drawStyle(GraphDrawStyle.Line)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs(['mean', 'max', 'lastNotNull']),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .withTarget(clickhouseQuery(sql, 'timeseries'));
  for (const [refId, further] of Object.entries(also ?? {})) {
    panel.withTarget(clickhouseQuery(further, 'timeseries', refId));
  }
  return panel;
};

/** The same, each line standing on the one below. */
export const stackedPanel = (text: PanelText): timeseries.PanelBuilder =>
  linesPanel(text)
    .fillOpacity(40)
    .lineWidth(1)
    .stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'));

/** Rows. */
export const tablePanel = ({ title, description, unit, sql, empty }: PanelText): table.PanelBuilder =>
  new table.PanelBuilder()
    .title(title)
    .description(description)
    .datasource(chosenSource)
    .unit(unit)
    .noValue(empty ?? nothing)
    .filterable(true)
    .withTarget(clickhouseQuery(sql, 'table'));

interface Overridable {
  overrideByName(name: string, properties: { id: string; value: unknown }[]): unknown;
}

/** Column → how it is shown: another title, a unit, hidden. */
export const columnLooks = <Panel extends Overridable>(
  panel: Panel,
  looks: Readonly<
    Record<
      string,
      { readonly title?: string; readonly unit?: string; readonly isHidden?: true; readonly color?: string }
    >
  >,
): Panel => {
  for (const [column, { title, unit, isHidden, color }] of Object.entries(looks)) {
    panel.overrideByName(column, [
      ...(title === undefined ? [] : [{ id: 'displayName', value: title }]),
      ...(unit === undefined ? [] : [{ id: 'unit', value: unit }]),
      ...(isHidden ? [{ id: 'custom.hidden', value: true }] : []),
      ...(color === undefined ? [] : [{ id: 'color', value: { mode: 'fixed', fixedColor: color } }]),
    ]);
  }
  return panel;
};
