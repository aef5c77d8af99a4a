import { useMemo } from 'preact/hooks';
import { type BlockView, subjectText } from '../app/api-types.ts';
import { nowMs } from '../app/time.ts';
import { HistoryChart, useHistory } from '../client/history-chart.tsx';
import { isEnforced } from './types.ts';

const leadMs = 10 * 60_000;
const trailMs = 30 * 60_000;
const minuteMs = 60_000;

const timeOf = (at: string): number => new Date(at).getTime();

/** What was decided about it, from before the evidence until the block was over, or now. */
const spanOf = (block: BlockView): { readonly fromMs: number; readonly toMs: number | null } => {
  const first = timeOf(block.evidence?.firstSeenAt ?? block.blockedAt);
  const end = Math.min(timeOf(block.expiresAt), timeOf(block.blockedAt) + trailMs) + leadMs;
  const fromMs = Math.floor((first - leadMs) / minuteMs) * minuteMs;
  return { fromMs, toMs: end > nowMs() && isEnforced(block) ? null : Math.min(end, nowMs()) };
};

/** Decisions over time, where the database has them: the numbers stand beside it without. */
export const Course = ({ block }: { readonly block: BlockView }) => {
  const span = useMemo(() => spanOf(block), [block.id]);
  const live = useHistory(block.subject.kind === 'network' ? null : subjectText(block.subject), span);
  if (live.data === null || live.data.firstSeenAt === null) return null;
  return <HistoryChart history={live.data} range="the time around the block" />;
};
