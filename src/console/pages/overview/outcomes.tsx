import { useMemo } from 'preact/hooks';
import type { Status } from '../../app/api-types.ts';
import { compact, duration, number, share, shareOf, term } from '../../app/format.ts';
import { Card, Choice, Tile } from '../../app/parts.tsx';
import { Empty, Shown } from '../../app/states.tsx';
import { liveSamples, useStatus } from '../../app/status.ts';
import { nowMs } from '../../app/time.ts';
import { inSlots } from '../../charts/live-samples.ts';
import { OutcomeChart } from '../../charts/outcome-chart.tsx';
import { decisionsOf, filled, type OutcomePoint, summed } from '../../charts/outcome-points.ts';
import { type Range, type RangeName, ranges, useRange } from './ranges.ts';

interface OutcomesAnswer {
  readonly from: string;
  readonly to: string;
  readonly stepMinutes: number;
  readonly points: readonly (Omit<OutcomePoint, 'atMs'> & { readonly at: string })[];
}

const stepText = (stepMinutes: number): string => `per ${term(stepMinutes * 60_000).replace(/^1 /, '')}`;

const StoredChart = ({ answer, range }: { readonly answer: OutcomesAnswer; readonly range: Range }) => {
  const { from, to, stepMinutes, points } = answer;
  const steps = useMemo(
    () =>
      filled(
        points.map(({ at, ...point }) => ({ ...point, atMs: new Date(at).getTime() })),
        { fromMs: new Date(from).getTime(), toMs: new Date(to).getTime(), stepMs: stepMinutes * 60_000 },
      ),
    [points, from, to, stepMinutes],
  );
  if (points.length === 0) {
    return (
      <Empty title={`No decision in ${range.words}`}>
        Gates send what they decide to the event log, and ingest stores it. Nothing has arrived: is a gate asked at all?
      </Empty>
    );
  }
  return <OutcomeChart points={steps} unit={stepText(stepMinutes)} range={range.words} />;
};

const Stored = ({ range }: { readonly range: Range }) => {
  const live = useRange<OutcomesAnswer>('v1/analytics/outcomes', range, { stepMinutes: range.stepMinutes });
  return (
    <Shown what="decisions over time" live={live}>
      {(answer) => <StoredChart answer={answer} range={range} />}
    </Shown>
  );
};

const slotMs = 2000;
const shortestSpanMs = 60_000;
const longestSpanMs = 180_000;

const Live = () => {
  useStatus();
  const samples = liveSamples.all;
  const points = useMemo(() => inSlots(samples, slotMs), [samples]);
  if (samples.length === 0) return <Empty title="Watching">The first bars come with the next seconds.</Empty>;
  const spanMs = samples.reduce((sum, sample) => sum + sample.spanMs, 0);
  const toMs = nowMs();
  return (
    <OutcomeChart
      points={points}
      total={summed(samples)}
      unit="/s"
      range={`the last ${duration(Math.round(spanMs / 1000) * 1000)}`}
      span={{ fromMs: toMs - Math.min(longestSpanMs, Math.max(shortestSpanMs, spanMs)), toMs }}
    />
  );
};

export type View = RangeName | 'live';

const views: readonly { readonly value: View; readonly text: string }[] = [
  { value: 'live', text: 'Live' },
  ...(Object.keys(ranges) as RangeName[]).map((value) => ({ value, text: ranges[value].name })),
];

export interface OutcomesCardProps {
  readonly view: View;
  readonly onView: (view: View) => void;
}

export const OutcomesCard = ({ view, onView }: OutcomesCardProps) => (
  <Card
    title="Decisions by outcome"
    id="outcomes"
    aside={<Choice label="Over which time" options={views} value={view} onChange={onView} />}
  >
    {view === 'live' ? (
      <>
        <p class="quiet small">As the gate in this process decides, each 2 s. Longer ranges are of all gates.</p>
        <Live />
      </>
    ) : (
      <Stored key={view} range={ranges[view]} />
    )}
  </Card>
);

const rateOf = (): string => {
  const recent = liveSamples.all.slice(-5);
  const spanMs = recent.reduce((sum, sample) => sum + sample.spanMs, 0);
  if (spanMs === 0) return 'counting…';
  const perS = (decisionsOf(summed(recent)) * 1000) / spanMs;
  return `${perS < 10 ? perS.toFixed(1) : compact(perS)}/s now`;
};

/** What one process has counted since it started: the first numbers that anybody looks for. */
export const Tiles = ({ status }: { readonly status: Status }) => {
  const { gate, fleet, blockList, abuse } = status;
  return (
    <dl class="tiles">
      <Tile name="decisions" value={compact(gate.decisions)} detail={rateOf()} />
      <Tile
        name="allowed"
        tone="allowed"
        value={compact(gate.allowed)}
        detail={shareOf(gate.allowed, gate.decisions)}
      />
      <Tile
        name="denied by a limit"
        tone="denied"
        value={compact(gate.denied)}
        detail={shareOf(gate.denied, gate.decisions)}
      />
      <Tile
        name="refused by a block"
        tone="blocked"
        value={compact(gate.blocked)}
        detail={shareOf(gate.blocked, gate.decisions)}
      />
      <Tile
        name="degraded"
        tone={gate.degraded > 0 ? 'degraded' : 'plain'}
        value={compact(gate.degraded)}
        detail={`${share(gate.decisions === 0 ? 0 : gate.degraded / gate.decisions)} without the store`}
      />
      <Tile
        name="blocks in force"
        value={number(blockList.entries)}
        detail={abuse === null ? 'list out of reach' : `${compact(abuse.refusals.refused)} refused by them`}
      />
      <Tile name="gates" value={number(fleet.liveGates)} detail="share the limits" />
    </dl>
  );
};
