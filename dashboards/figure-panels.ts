import { AxisPlacement, GraphDrawStyle } from '@grafana/grafana-foundation-sdk/common';
import type { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { linesPanel, type PanelText, stackedPanel } from './panels.ts';

/** What stands where no process has told a figure. */
export const untold = 'nobody told';

/** How much within each point: what happens now and then. */
export const barsPanel = (text: PanelText): PanelBuilder =>
  stackedPanel(text).drawStyle(GraphDrawStyle.Bars).fillOpacity(70).lineWidth(0);

/** Lines, one for each value of a column of the answer, under that value's name. */
export const linesBy = (column: string, text: PanelText): PanelBuilder =>
  linesPanel(text).displayName(`\${__field.labels.${column}}`);

export const barsBy = (column: string, text: PanelText): PanelBuilder =>
  barsPanel(text).displayName(`\${__field.labels.${column}}`);

/** Shows one series on an axis of its own, to the right. */
export const onTheRight = (panel: PanelBuilder, name: string, unit: string): PanelBuilder =>
  panel.overrideByName(name, [
    { id: 'unit', value: unit },
    { id: 'custom.axisPlacement', value: AxisPlacement.Right },
    { id: 'custom.fillOpacity', value: 0 },
  ]);

export const stackedBy = (column: string, text: PanelText): PanelBuilder =>
  stackedPanel(text).displayName(`\${__field.labels.${column}}`);
