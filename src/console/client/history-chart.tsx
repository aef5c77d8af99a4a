import { useMemo } from 'preact/hooks';
import { queryText } from '../app/client.ts';
import { plural } from '../app/format.ts';
import { type Live, useLive } from '../app/live.ts';
import { nowMs } from '../app/time.ts';
import { OutcomeChart, stepFor } from '../charts/outcome-chart.tsx';
import { filled } from '../charts/outcome-points.ts';
import type { ClientHistory } from './types.ts';

const pauseMs = 10_000;
const minuteMs = 60_000;

export interface Span {
  readonly fromMs: number;
  /** Null: now, again and again. */
  readonly toMs: number | null;
}

const pathFor = (subject: string, { fromMs, toMs }: Span): string => {
  const endMs = toMs ?? nowMs();
  return `v1/analytics/client${queryText({
    client: subject,
    from: new Date(fromMs).toISOString(),
    ...(toMs === null ? {} : { to: new Date(toMs).toISOString() }),
    stepMinutes: stepFor(endMs - fromMs) / minuteMs,
  })}`;
};

/** What is stored of one client. Networks have no decisions of their own: null asks for nothing. */
export const useHistory = (subject: string | null, span: Span): Live<ClientHistory> =>
  useLive<ClientHistory>(subject === null ? null : pathFor(subject, span), pauseMs);

/** Decisions of a client over time, by outcome. */
export const HistoryChart = ({ history, range }: { readonly history: ClientHistory; readonly range: string }) => {
  const { from, to, stepMinutes, points } = history;
  const steps = useMemo(() => {
    const stepMs = stepMinutes * minuteMs;
    const known = points.map(({ at, ...point }) => ({ ...point, atMs: new Date(at).getTime() }));
    return filled(known, { fromMs: new Date(from).getTime(), toMs: new Date(to).getTime(), stepMs });
  }, [from, to, stepMinutes, points]);
  const span = {
    fromMs: steps[0]?.atMs ?? 0,
    // The last step is drawn to its end.
    toMs: (steps.at(-1)?.atMs ?? 0) + stepMinutes * minuteMs,
  };
  const unit = `per ${plural(stepMinutes, 'minute').replace(/^1 /, '')}`;
  return <OutcomeChart points={steps} unit={unit} range={range} span={span} />;
};
