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

/** One number for the range on screen. */
export const numberPanel = ({ title, description, unit, sql }: PanelText): stat.PanelBuilder =>
  new stat.PanelBuilder()
    .title(title)
    .description(description)
    .datasource(chosenSource)
    .unit(unit)
    .noValue('no decisions')
    .colorMode(BigValueColorMode.Value)
    .graphMode(BigValueGraphMode.None)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false).fields(''))
    .withTarget(clickhouseQuery(sql, 'table'));

/** Lines over time. */
export const linesPanel = ({ title, description, unit, sql }: PanelText): timeseries.PanelBuilder =>
  new timeseries.PanelBuilder()
    .title(title)
    .description(description)
    .datasource(chosenSource)
    .unit(unit)
    .min(0)
    .interval(grain)
    .lineWidth(2)
    .fillOpacity(8)
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

/** The same, each line standing on the one below. */
export const stackedPanel = (text: PanelText): timeseries.PanelBuilder =>
  linesPanel(text)
    .fillOpacity(40)
    .lineWidth(1)
    .stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'));

/** Rows. */
export const tablePanel = ({ title, description, unit, sql }: PanelText): table.PanelBuilder =>
  new table.PanelBuilder()
    .title(title)
    .description(description)
    .datasource(chosenSource)
    .unit(unit)
    .filterable(true)
    .withTarget(clickhouseQuery(sql, 'table'));
