import type { BlockView } from '../app/api-types.ts';
import { duration, instant, number } from '../app/format.ts';
import { useNow } from '../app/now.ts';
import { isEnforced } from './types.ts';

const timeOf = (at: string): number => new Date(at).getTime();

/** Windows that the rule looked at; how many were over its bar is known, which ones is not. */
const Windows = ({
  windows,
}: {
  readonly windows: { readonly hit: number; readonly of: number; readonly needed: number };
}) => (
  <span class="windows" aria-hidden="true">
    {Array.from({ length: Math.min(windows.of, 30) }, (_, index) => (
      <span key={index} class={index < windows.hit ? 'hit' : ''} />
    ))}
  </span>
);

const Before = ({ block }: { readonly block: BlockView }) => {
  const { evidence } = block;
  const now = useNow();
  if (evidence === null) return null;
  const lastedMs = timeOf(evidence.lastSeenAt) - timeOf(evidence.firstSeenAt);
  return (
    <div class="phase before">
      <p class="phase-title">Before</p>
      <Windows windows={evidence.windows} />
      <p>
        <b>{number(evidence.windows.hit)}</b> of {number(evidence.windows.of)} windows of{' '}
        {duration(evidence.windows.windowMs)} over the bar
      </p>
      <p class="quiet small">
        first {instant(evidence.firstSeenAt, now)}
        {lastedMs > 0 ? `, last ${duration(lastedMs)} later` : ''}
      </p>
    </div>
  );
};

const shareOf = (now: number, { blockedAt, expiresAt }: BlockView): number => {
  const whole = timeOf(expiresAt) - timeOf(blockedAt);
  return whole <= 0 ? 100 : Math.min(100, Math.max(0, ((now - timeOf(blockedAt)) / whole) * 100));
};

/** How much of the block is over, and when something was last refused. */
const Bar = ({ block, nowMs }: { readonly block: BlockView; readonly nowMs: number }) => {
  const over = shareOf(nowMs, block);
  const last = block.refusals === null ? null : shareOf(timeOf(block.refusals.lastAt), block);
  return (
    <svg class="lifetime" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
      <rect class="ground" y="2" width="100" height="6" />
      <rect class={isEnforced(block) ? 'blocked' : 'line'} y="2" width={over} height="6" />
      {last === null ? null : <rect class="mark" x={Math.max(0, Math.min(99.2, last - 0.4))} width="0.8" height="10" />}
    </svg>
  );
};

const titles: Readonly<Record<string, string>> = {
  proposed: 'Proposed: nobody is blocked',
  active: 'Blocked',
  confirmed: 'Blocked, confirmed',
  lifted: 'Lifted',
  expired: 'Over',
  superseded: 'Replaced by another block',
  shadow: 'Would have been blocked',
};

const endText = (block: BlockView, nowMs: number): string => {
  const leftMs = timeOf(block.expiresAt) - nowMs;
  if (block.state === 'lifted') return 'ended by hand';
  if (leftMs <= 0) return `ended ${instant(block.expiresAt, nowMs)}`;
  return `${block.state === 'proposed' ? 'the proposal ends' : 'ends'} ${instant(block.expiresAt, nowMs)}, in ${duration(leftMs)}`;
};

const During = ({ block }: { readonly block: BlockView }) => {
  const now = useNow();
  const { refusals } = block;
  return (
    <div class={`phase during ${block.state}`}>
      <p class="phase-title">{titles[block.state] ?? block.state}</p>
      <Bar block={block} nowMs={now} />
      <p>
        {refusals === null ? (
          'Nothing refused so far'
        ) : (
          <>
            <b>{number(refusals.refused)}</b> refused, last {instant(refusals.lastAt, now)}
          </>
        )}
      </p>
      <p class="quiet small">
        since {instant(block.blockedAt, now)}, {endText(block, now)}
      </p>
    </div>
  );
};

/** What led to the block, and how it goes on: from left to right. */
export const Timeline = ({ block }: { readonly block: BlockView }) => (
  <div class="timeline">
    <Before block={block} />
    <During block={block} />
  </div>
);
