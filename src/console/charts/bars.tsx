import { share } from '../app/format.ts';

/** A share of 1 as a bar. It stands beside its number, which tells the same. */
export const ShareBar = ({ value, tone = 'denied' }: { readonly value: number; readonly tone?: string }) => (
  <svg class="share-bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
    <rect class="ground" width="100" height="8" />
    <rect class={tone} width={100 * Math.max(0, Math.min(1, value))} height="8" />
  </svg>
);

/** A bar and its number. */
export const ShareCell = ({ value, tone }: { readonly value: number; readonly tone?: string }) => (
  <span class="share-cell">
    <ShareBar value={value} {...(tone === undefined ? {} : { tone })} />
    <span>{share(value)}</span>
  </span>
);

export interface IntervalProps {
  /** 0 to 1; null: nothing is known yet. */
  readonly value: number | null;
  readonly low: number;
  readonly high: number;
  /** What it must not fall under; null: nothing. */
  readonly floor: number | null;
}

/** An estimate, what it may as well be, and the floor it must keep. It stands beside its numbers. */
export const IntervalBar = ({ value, low, high, floor }: IntervalProps) => (
  <svg class="interval" viewBox="0 0 100 16" preserveAspectRatio="none" aria-hidden="true">
    <rect class="ground" y="6" width="100" height="4" />
    <rect class="range" x={100 * low} y="4" width={Math.max(0.5, 100 * (high - low))} height="8" />
    {value === null ? null : <rect class="point" x={100 * value - 0.75} y="1" width="1.5" height="14" />}
    {floor === null ? null : <rect class="floor" x={100 * floor - 0.4} y="0" width="0.8" height="16" />}
  </svg>
);

/** A course of numbers, each against the largest of `top` (default: of themselves). It stands beside a number. */
export const Sparkline = ({ values, top }: { readonly values: readonly number[]; readonly top?: number }) => {
  const highest = top ?? Math.max(...values, 0);
  if (values.length < 2 || highest === 0) return <svg class="sparkline" viewBox="0 0 100 24" aria-hidden="true" />;
  const at = (value: number, index: number): string =>
    `${((100 * index) / (values.length - 1)).toFixed(2)},${(22.5 - (21 * Math.min(value, highest)) / highest).toFixed(2)}`;
  const line = values.map(at).join(' ');
  return (
    <svg class="sparkline" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">
      <polygon class="area" points={`0,24 ${line} 100,24`} />
      <polyline class="line" points={line} />
    </svg>
  );
};
