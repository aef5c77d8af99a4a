import type { Row } from '../test/support/dashboard-stage.ts';
import { msOf } from '../test/support/dashboard-stage.ts';
import type { Panel } from '../test/support/grafana-dashboards.ts';

/** What a panel says of how it wants to be drawn, as far as the picture heeds it. */
export interface DrawnPanel extends Panel {
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig: {
    readonly defaults: Panel['fieldConfig']['defaults'] & {
      readonly custom?: { readonly spanNulls?: boolean; readonly stacking?: { readonly mode?: string } };
    };
    readonly overrides: readonly {
      readonly matcher: { readonly options?: unknown };
      readonly properties: readonly { readonly id: string; readonly value?: unknown }[];
    }[];
  };
}

const units: Readonly<Record<string, { readonly scale: number; readonly suffix: string }>> = {
  percentunit: { scale: 100, suffix: ' %' },
  reqps: { scale: 1, suffix: ' /s' },
  ms: { scale: 1, suffix: ' ms' },
  s: { scale: 1, suffix: ' s' },
};
const plain = { scale: 1, suffix: '' } as const;
const unitOf = (name: unknown) => units[String(name)] ?? plain;

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`).replaceAll('\n', ' ');

const written = (value: Row[string] | undefined, unit: unknown): string => {
  if (value === null || value === undefined) return '–';
  const number = Number(value);
  if (value === '' || Number.isNaN(number)) return escaped(String(value));
  const { scale, suffix } = unitOf(unit);
  return `${(number * scale).toLocaleString('en', { maximumFractionDigits: scale === 100 ? 2 : 1 })}${suffix}`;
};

const lookOf = ({ fieldConfig }: DrawnPanel, column: string, id: string): unknown =>
  fieldConfig.overrides
    .filter(({ matcher }) => matcher.options === column)
    .flatMap(({ properties }) => properties)
    .find((property) => property.id === id)?.value;

const tableOf = (panel: DrawnPanel, rows: readonly Row[]): string => {
  const isHidden = (column: string): boolean =>
    ['custom.hidden', 'custom.hideFrom.viz'].some((id) => lookOf(panel, column, id) === true);
  const columns = Object.keys(rows[0] ?? {}).filter((column) => !isHidden(column));
  const head = columns.map((column) => `<th>${escaped(String(lookOf(panel, column, 'displayName') ?? column))}</th>`);
  const lines = rows
    .slice(0, 6)
    .map(
      (row) => `<tr>${columns.map((name) => `<td>${written(row[name], lookOf(panel, name, 'unit'))}</td>`).join('')}`,
    );
  return `<table><tr>${head.join('')}</tr>${lines.join('')}</table>`;
};

const palette = ['#73bf69', '#ff9830', '#f2495c', '#5794f2', '#b877d9', '#fade2a', '#8ab8ff', '#ffa6b0'];

type Points = readonly (number | null)[];

/** Series by name: a column of text names them, else each column of numbers is one. */
const seriesOf = (panel: DrawnPanel, rows: readonly Row[], times: readonly number[]): Map<string, Points> => {
  const [time = '', ...columns] = Object.keys(rows[0] ?? {});
  const label = columns.find((name) =>
    rows.some((row) => typeof row[name] === 'string' && Number.isNaN(Number(row[name]))),
  );
  const found = new Map<string, Map<number, number | null>>();
  for (const row of rows) {
    for (const column of columns.filter((name) => name !== label)) {
      const name = label === undefined ? String(lookOf(panel, column, 'displayName') ?? column) : String(row[label]);
      const points = found.get(name) ?? new Map<number, number | null>();
      const value = row[column];
      points.set(msOf(row[time]) / 1000, value === null || value === undefined ? null : Number(value));
      found.set(name, points);
    }
  }
  return new Map([...found].map(([name, points]) => [name, times.map((at) => points.get(at) ?? null)]));
};

const stacked = (series: readonly Points[]): Points[] => {
  const sums: Points[] = [];
  for (const points of series) {
    const below = sums.at(-1);
    sums.push(points.map((value, at) => (value === null ? null : value + (below?.[at] ?? 0))));
  }
  return sums;
};

const isMedian = (label: string): boolean => label.endsWith('median');

/** What uPlot needs for a panel's lines; a second query is the band of what is usual. */
const chartOf = (panel: DrawnPanel, [lines = [], band = []]: readonly (readonly Row[])[]) => {
  const times = [...new Set([...lines, ...band].map((row) => msOf(Object.values(row)[0]) / 1000))].sort(
    (a, b) => a - b,
  );
  const named = seriesOf(panel, lines, times);
  const usual = seriesOf(panel, band, times);
  const isStacked = panel.fieldConfig.defaults.custom?.stacking?.mode === 'normal';
  const values = isStacked ? stacked([...named.values()]) : [...named.values()];
  return {
    id: panel.id,
    ...unitOf(panel.fieldConfig.defaults.unit),
    data: [times, ...values, ...usual.values()],
    series: [
      ...[...named.keys()].map((label, index) => ({
        ...{ label, stroke: palette[index % palette.length], width: 1.5, points: { show: false } },
        ...(isStacked && index === 0 ? { fill: `${palette[0]}55` } : {}),
      })),
      ...[...usual.keys()].map((label) => ({
        ...{ label, points: { show: false }, stroke: isMedian(label) ? '#ccccdc' : '#0000', dash: [6, 6] },
        ...(isMedian(label) ? {} : { class: 'quiet' }),
      })),
    ],
    bands: isStacked
      ? values.slice(1).map((_, index) => ({ series: [index + 2, index + 1], fill: `${palette[index + 1]}55` }))
      : [{ series: [named.size + usual.size, named.size + 1], fill: '#ccccdc2e' }].slice(usual.size === 0 ? 1 : 0),
  };
};

const unit = { width: 60, height: 38 } as const;

const boxOf = (panel: DrawnPanel, answers: readonly (readonly Row[])[]): string => {
  const { x, y, w, h } = panel.gridPos;
  const style = `left:${x * unit.width}px;top:${y * unit.height}px;width:${w * unit.width - 8}px;height:${h * unit.height - 8}px`;
  if (panel.type === 'row') return `<h2 style="${style}">${escaped(panel.title)}</h2>`;
  const [rows = []] = answers;
  const value = written(Object.values(rows[0] ?? {})[0], panel.fieldConfig.defaults.unit);
  const inside =
    { stat: `<b>${value}</b>`, table: tableOf(panel, rows) }[panel.type] ?? `<div id="chart-${panel.id}"></div>`;
  return `<section style="${style}"><h3>${escaped(panel.title)}</h3>${inside}</section>`;
};

const css = `body{margin:8px;background:#111217;color:#ccccdc;font:12px system-ui,sans-serif;width:${24 * unit.width}px}
section,h2{position:absolute;box-sizing:border-box;margin:8px;overflow:hidden}section{background:#181b1f;border:1px solid #2a2c32;padding:8px}
h2{font-size:15px;line-height:26px;margin-top:12px}h3{margin:0 0 4px;font-size:13px;font-weight:500}
b{display:block;text-align:center;font-size:38px;font-weight:500;line-height:86px}
table{border-collapse:collapse;width:100%}th{color:#6e9fff;font-weight:500}th,td{text-align:left;padding:5px 6px;border-bottom:1px solid #2a2c32}
.u-legend{text-align:left;font-size:11px}.u-legend th{color:#ccccdc;border:0;padding:2px 4px}.u-legend th::after{content:none!important}
.u-legend .u-value,.u-legend .u-series:first-child,.u-legend .quiet{display:none}`;

const script = `for (const { id, data, series, bands, scale, suffix } of charts) {
  const box = document.getElementById('chart-' + id);
  const axis = { stroke: '#ccccdc', grid: { stroke: '#2a2c32' }, ticks: { stroke: '#2a2c32' } };
  const values = (_, ticks) => ticks.map((tick) => +(tick * scale).toPrecision(6) + suffix);
  const hours = (_, seconds) => seconds.map((at) => new Date(at * 1000).toISOString().slice(11, 16));
  const range = (_, least, most) => [Math.min(0, least), most * 1.05];
  new uPlot({ width: box.clientWidth, height: box.parentElement.clientHeight - 82, cursor: { show: false }, bands,
    series: [{}, ...series], scales: { y: { range } },
    axes: [{ ...axis, values: hours, space: 70 }, { ...axis, values, size: 62 }] }, data, box);
}`;

export interface Answered {
  readonly panel: DrawnPanel;
  /** Rows of each query. */
  readonly answers: readonly (readonly Row[])[];
}

/** A page that shows panels where the dashboard has them; `uPlot` is that library's script and style. */
export const pageOf = (
  answered: readonly Answered[],
  uPlot: { readonly script: string; readonly style: string },
): string => {
  const charts = answered.filter(({ panel }) => panel.type === 'timeseries');
  const told = JSON.stringify(charts.map(({ panel, answers }) => chartOf(panel, answers))).replaceAll('<', '\\u003c');
  return `<!doctype html><meta charset="utf-8"><style>${uPlot.style}${css}</style>
${answered.map(({ panel, answers }) => boxOf(panel, answers)).join('\n')}
<script>${uPlot.script}</script><script>const charts = ${told};\n${script}</script>`;
};
