import { type Algorithm, algorithms } from '../src/policy/policy.ts';
import { type Answered, admittedWithin, boundOf, lastMs, lengthOf, runOf, type Step } from './algorithm-run.ts';

const left = 92;
const right = 748;
const width = 760;
const lane = { top: 34, height: 26 };
const queueLane = { top: 72, height: 16 };
const chartHeight = 96;
/** Units at the top of the chart: the same for all that count within 10 s, so that they can be compared. */
const mostOf = (algorithm: Algorithm): number => (algorithm === 'concurrency' ? 6 : 22);

const x = (atMs: number): number => Math.round((left + ((right - left) * atMs) / lastMs) * 10) / 10;

const style = `
  text { font: 12px system-ui, sans-serif; fill: #57606a; }
  .title { font-weight: 600; fill: #1f2328; }
  .admitted { stroke: #2f6fde; stroke-width: 1.6; }
  .denied { stroke: #d1242f; stroke-width: 1.6; }
  .queued { stroke: #8250df; stroke-width: 1.6; }
  .level { fill: #2f6fde33; stroke: #2f6fde; stroke-width: 1.4; }
  .bound { stroke: #d1242f; stroke-dasharray: 5 4; }
  .limit { stroke: #57606a; stroke-dasharray: 2 3; }
  .axis { stroke: #afb8c1; }
  @media (prefers-color-scheme: dark) {
    text { fill: #9da7b3; }
    .title { fill: #e6edf3; }
    .admitted, .level { stroke: #6ea8fe; }
    .level { fill: #6ea8fe33; }
    .denied, .bound { stroke: #ff7b72; }
    .queued { stroke: #bf8cff; }
    .limit { stroke: #9da7b3; }
    .axis { stroke: #484f58; }
  }`;

const line = (kind: string, [x1, y1, x2, y2]: readonly [number, number, number, number]): string =>
  `<path class="${kind}" d="M${x1} ${y1}L${x2} ${y2}"/>`;

const text = (words: string, at: { x: number; y: number }, attributes = ''): string =>
  `<text x="${at.x}" y="${at.y}"${attributes && ` ${attributes}`}>${words}</text>`;

/** One path for all of its kind: a picture stays a few kilobytes. */
const ticks = (kind: string, instantsMs: readonly number[], [from, to]: readonly [number, number]): string =>
  `<path class="${kind}" d="${instantsMs.map((atMs) => `M${x(atMs)} ${from}V${to}`).join('')}"/>`;

const arrivalLane = (run: readonly Answered[]): string[] => {
  const bottom = lane.top + lane.height;
  const at = (admitted: boolean): number[] => run.filter((one) => one.admitted === admitted).map(({ atMs }) => atMs);
  return [
    text('admitted', { x: left - 8, y: lane.top + 9 }, 'text-anchor="end"'),
    text('denied', { x: left - 8, y: bottom - 1 }, 'text-anchor="end"'),
    ticks('admitted', at(true), [lane.top, lane.top + 12]),
    ticks('denied', at(false), [lane.top + 14, bottom]),
  ];
};

const leavingLane = (run: readonly Answered[]): string[] => [
  text('leave', { x: left - 8, y: queueLane.top + 11 }, 'text-anchor="end"'),
  ticks(
    'queued',
    run.filter(({ admitted, leavesAtMs }) => admitted && leavesAtMs <= lastMs).map(({ leavesAtMs }) => leavesAtMs),
    [queueLane.top, queueLane.top + 12],
  ),
];

const chart = (algorithm: Algorithm, steps: readonly Step[], top: number): string[] => {
  const bottom = top + chartHeight;
  const y = (units: number): number => Math.round((bottom - (chartHeight * units) / mostOf(algorithm)) * 10) / 10;
  const bound = boundOf[algorithm];
  const limit = algorithm === 'concurrency' ? bound : 10;
  const shown = steps.filter(({ fromMs }) => fromMs <= lastMs);
  const path = shown.map(({ fromMs, units }) => `H${x(fromMs)}V${y(units)}`).join('');
  const seconds = [0, 5, 10, 15, 20, 25, 30];
  return [
    ...seconds.flatMap((second) => [
      line('axis', [x(second * 1000), bottom, x(second * 1000), bottom + 4]),
      text(`${second} s`, { x: x(second * 1000), y: bottom + 17 }, 'text-anchor="middle"'),
    ]),
    `<path class="level" d="M${x(0)} ${y(0)}${path}H${right}V${y(0)}Z"/>`,
    line('axis', [left, bottom, right, bottom]),
    line('bound', [left, y(bound), right, y(bound)]),
    text(`bound ${bound}`, { x: left - 8, y: y(bound) + 4 }, 'text-anchor="end"'),
    ...(limit === bound
      ? []
      : [
          line('limit', [left, y(limit), right, y(limit)]),
          text(`limit ${limit}`, { x: left - 8, y: y(limit) + 4 }, 'text-anchor="end"'),
        ]),
  ];
};

const titleOf = (algorithm: Algorithm, run: readonly Answered[], steps: readonly Step[]): string => {
  const admitted = run.filter((one) => one.admitted).length;
  const peak = Math.max(...steps.map(({ units }) => units));
  const measured = algorithm === 'concurrency' ? 'in flight at once' : 'in any 10 s';
  return `${algorithm}: ${admitted} of ${run.length} admitted, at most ${peak} ${measured}`;
};

/** One algorithm's answers to the arrivals that all pictures share. */
export const algorithmPicture = (algorithm: Algorithm): string => {
  const run = runOf(algorithm);
  const steps = admittedWithin(run, lengthOf(algorithm));
  const queues = algorithm === 'leaky-bucket';
  const top = queues ? 100 : 76;
  const height = top + chartHeight + 26;
  const below = algorithm === 'concurrency' ? 'in flight' : 'admitted in the last 10 s';
  const title = titleOf(algorithm, run, steps);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" role="img" aria-label="${title}">`,
    `<style>${style}\n</style>`,
    text(title, { x: left, y: 18 }, 'class="title"'),
    ...arrivalLane(run),
    ...(queues ? leavingLane(run) : []),
    ...chart(algorithm, steps, top),
    text(below, { x: right, y: 18 }, 'text-anchor="end"'),
    '</svg>\n',
  ].join('\n');
};

export const algorithmPictures = (): ReadonlyMap<string, string> =>
  new Map(algorithms.map((algorithm) => [`${algorithm}.svg`, algorithmPicture(algorithm)]));
