import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { compact, instant, number, share } from '../app/format.ts';
import { DataTable } from '../app/table.tsx';
import { isDark } from '../app/theme.ts';
import { colour, hatched } from './colours.ts';
import { decisionsOf, type OutcomePoint, outcomeNames, stacked, summed } from './outcome-points.ts';

export interface OutcomeChartProps {
  readonly points: readonly OutcomePoint[];
  /** Of all of them. Default: their sum. */
  readonly total?: Omit<OutcomePoint, 'atMs'>;
  /** What a height is per: `/s`, `per 5 min`. */
  readonly unit: string;
  /** For its summary: `the last hour`. */
  readonly range: string;
  /** What the time axis spans. Default: the points. */
  readonly span?: Span | null;
}

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

const heightPx = 220;
const minuteMs = 60_000;
const hourMs = 3_600_000;
const dayS = 86_400;

const ticks = (fine: boolean) =>
  new Intl.DateTimeFormat('en', {
    ...(fine ? { second: '2-digit' } : {}),
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
const dayTicks = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short' });

const timeTexts = (_: uPlot, splits: number[]): string[] => {
  const stepS = (splits[1] ?? 0) - (splits[0] ?? 0);
  const format = stepS >= dayS ? dayTicks : ticks(stepS < 60);
  return splits.map((atS) => format.format(new Date(atS * 1000)));
};

const bars = (): uPlot.Series.PathBuilder | undefined => uPlot.paths.bars?.({ size: [0.86, 48], align: 1, gap: 1 });

const series = (): uPlot.Series[] => {
  const paths = bars();
  const bar = (fill: CanvasPattern | string): uPlot.Series => ({
    fill: fill as string,
    width: 0,
    points: { show: false },
    ...(paths ? { paths } : {}),
  });
  return [
    {},
    bar(hatched('blocked')),
    bar(colour('denied')),
    bar(colour('allowed')),
    { stroke: colour('degraded'), width: 2, dash: [4, 4], points: { show: true, size: 5 } },
  ];
};

const axis = (): uPlot.Axis => ({
  stroke: colour('quiet'),
  grid: { stroke: colour('line'), width: 1 },
  ticks: { show: false },
  font: '12px system-ui, sans-serif',
});

interface Making {
  readonly host: HTMLElement;
  readonly spanOf: () => Span | null;
  readonly onCursor: (index: number | null) => void;
}

const make = ({ host, spanOf, onCursor }: Making): uPlot =>
  new uPlot(
    {
      width: Math.max(200, host.clientWidth),
      height: heightPx,
      legend: { show: false },
      padding: [8, 16, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
      scales: {
        x: { range: (_, min, max) => rangeOf(spanOf(), min, max) },
        y: { range: (_, __, max) => [0, Math.max(1, max * 1.08)] },
      },
      series: series(),
      axes: [
        { ...axis(), values: timeTexts, grid: { show: false }, space: 64, size: 28 },
        { ...axis(), values: (_, splits) => splits.map((value) => compact(value)), size: 48, space: 36 },
      ],
      hooks: { setCursor: [({ cursor }) => onCursor(cursor.idx ?? null)] },
    },
    [[], [], [], [], []],
    host,
  );

const rangeOf = (span: Span | null, min: number, max: number): [number, number] =>
  span === null ? [min, max] : [span.fromMs / 1000, span.toMs / 1000];

/** A width that changes with the place the chart has. */
const followWidth = (host: HTMLElement, plot: uPlot): (() => void) => {
  const observer = new ResizeObserver(() => {
    const width = Math.max(200, host.clientWidth);
    if (width !== plot.width) plot.setSize({ width, height: plot.height });
  });
  observer.observe(host);
  return () => observer.disconnect();
};

/** Rates have fractions. */
const shown = (value: number): string => number(value < 10 ? Math.round(value * 10) / 10 : Math.round(value));

interface LegendProps {
  readonly point: Omit<OutcomePoint, 'atMs'>;
  readonly label: string;
  readonly unit: string;
}

const Legend = ({ point, label, unit }: LegendProps) => (
  <div class="legend">
    <span class="when">{label}</span>
    {outcomeNames.map((name) =>
      name === 'degraded' && point.degraded === 0 ? null : (
        <span key={name} class="key">
          <span class={`swatch ${name}`} aria-hidden="true" />
          {name}{' '}
          <b>
            {shown(point[name])}
            {unit}
          </b>{' '}
          <span class="quiet">{share(decisionsOf(point) === 0 ? null : point[name] / decisionsOf(point))}</span>
        </span>
      ),
    )}
  </div>
);

const maxTableRows = 30;

/** The same in words: as many steps as are read, the newest first. */
const PointsTable = ({ points, nowMs }: { readonly points: readonly OutcomePoint[]; readonly nowMs: number }) => (
  <DataTable
    caption="Decisions by outcome, newest first"
    rows={points
      .filter((point) => decisionsOf(point) > 0)
      .slice(-maxTableRows)
      .reverse()}
    rowKey={({ atMs }) => String(atMs)}
    columns={[
      { head: 'from', isMain: true, cell: ({ atMs }) => instant(atMs, nowMs) },
      ...outcomeNames.map((name) => ({
        head: name,
        isNumber: true,
        cell: (point: OutcomePoint) => shown(point[name]),
      })),
    ]}
  />
);

/** Decisions by outcome over time, stacked; what a step holds is told below it while it is pointed at. */
export const OutcomeChart = ({ points, total = summed(points), unit, range, span = null }: OutcomeChartProps) => {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latestSpan = useRef(span);
  latestSpan.current = span;
  const [index, setIndex] = useState<number | null>(null);
  const [isTableOpen, openTable] = useState(false);
  const dark = isDark();
  useEffect(() => {
    if (host.current === null) return;
    const made = make({ host: host.current, spanOf: () => latestSpan.current, onCursor: setIndex });
    plot.current = made;
    const unfollow = followWidth(host.current, made);
    return () => {
      unfollow();
      made.destroy();
      plot.current = null;
    };
  }, [dark]);
  useEffect(() => {
    plot.current?.setData(stacked(points) as uPlot.AlignedData);
  }, [points, dark]);
  const pointed = index === null ? undefined : points[index];
  const last = points.at(-1)?.atMs ?? 0;
  const summary = `${number(decisionsOf(total))} decisions in ${range}: ${number(total.allowed)} allowed, ${number(total.denied)} denied, ${number(total.blocked)} blocked.`;
  return (
    <figure class="chart">
      <div ref={host} class="plot" role="img" aria-label={`Decisions by outcome. ${summary}`} />
      <figcaption>
        <Legend
          point={pointed ?? total}
          label={pointed ? instant(pointed.atMs, last) : range}
          unit={pointed && unit === '/s' ? unit : ''}
        />
        <details onToggle={(event) => openTable(event.currentTarget.open)}>
          <summary>As a table ({unit})</summary>
          {isTableOpen ? <PointsTable points={points} nowMs={last} /> : null}
        </details>
      </figcaption>
    </figure>
  );
};

/** Steps that are neither too many to draw nor too few to see, in whole minutes. */
export const stepFor = (spanMs: number): number => {
  if (spanMs <= 2 * hourMs) return minuteMs;
  if (spanMs <= 12 * hourMs) return 5 * minuteMs;
  return spanMs <= 48 * hourMs ? 15 * minuteMs : 2 * hourMs;
};
