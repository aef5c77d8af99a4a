import type { HealthSample } from '../../src/event/health-sample.ts';
import { encodeHealthSample } from '../../src/event/health-sample.ts';
import { minuteMs } from './dashboard-traffic.ts';

// Processes that tell of themselves, and what their figures come to, counted from what happened, without SQL.

export interface TellingProcess {
  readonly name: string;
  readonly command: string;
  readonly region?: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** Begins to count from 0 again at these times under the same name. */
  readonly restartsAtMs?: readonly number[];
  /** It lives and nobody hears it: [from, to). */
  readonly unheard?: readonly (readonly [number, number])[];
  /** Whether it tells how long it has been up. Default yes. */
  readonly tellsUptime?: boolean;
}

export interface Happening {
  readonly atMs: number;
  readonly process: string;
  readonly figure: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly amount: number;
}

/** When a process tells: every half minute, now and then three seconds early or late. */
export const beatsOf = ({ name, startedAtMs, endedAtMs, unheard = [] }: TellingProcess): number[] => {
  const beats: number[] = [];
  for (let beat = 1, at = startedAtMs; ; beat += 1) {
    at += 27_000 + ((beat * 1_700 + name.length * 900) % 6_000);
    if (at >= endedAtMs) return beats;
    if (!unheard.some(([from, to]) => at >= from && at < to)) beats.push(at);
  }
};

const keyOf = ({ process, figure, labels = {} }: Pick<Happening, 'process' | 'figure' | 'labels'>): string =>
  JSON.stringify([process, figure, Object.entries(labels).sort()]);

const grouped = <Item>(items: readonly Item[], key: (item: Item) => string): Map<string, Item[]> => {
  const groups = new Map<string, Item[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
};

type Told = Omit<HealthSample, 'emitter' | 'partition' | 'seq'>;

/** What is told of counters: nothing of one before it has counted anything. */
export const countersTold = (processes: readonly TellingProcess[], happenings: readonly Happening[]): Told[] =>
  [...grouped(happenings, keyOf).values()].flatMap((own) => {
    const [{ process: name, figure, labels = {} } = { process: '', figure: '' }] = own as [Happening];
    const process = processes.find((one) => one.name === name);
    if (process === undefined) throw new Error(`no process ${name}`);
    const { command, region = 'eu', restartsAtMs = [] } = process;
    return beatsOf(process).flatMap((timeMs) => {
      const since = Math.max(-Infinity, ...restartsAtMs.filter((at) => at <= timeMs));
      const counted = own.filter(({ atMs }) => atMs <= timeMs && atMs > since);
      if (counted.length === 0) return [];
      const value = counted.reduce((sum, { amount }) => sum + amount, 0);
      return [{ timeMs, process: name, command, region, figure, labels, value }];
    });
  });

/** What is told of numbers that rise and fall. */
export const gaugeTold = (
  process: TellingProcess,
  {
    figure,
    labels = {},
    at,
  }: { figure: string; labels?: Record<string, string>; at: (timeMs: number) => number | null },
): Told[] =>
  beatsOf(process).flatMap((timeMs) => {
    const value = at(timeMs);
    const { name, command, region = 'eu' } = process;
    return value === null ? [] : [{ timeMs, process: name, command, region, figure, labels, value }];
  });

export const uptimesTold = (processes: readonly TellingProcess[]): Told[] =>
  processes
    .filter(({ tellsUptime = true }) => tellsUptime)
    .flatMap((process) =>
      gaugeTold(process, {
        figure: 'process_uptime_seconds',
        at: (timeMs) => (timeMs - process.startedAtMs) / 1000,
      }),
    );

/** As the database is given them. */
export const sampleLines = (told: readonly Told[]): Buffer =>
  Buffer.from(
    told
      .map((sample, index) => `${encodeHealthSample({ ...sample, emitter: 'teller', partition: 0, seq: index + 1 })}\n`)
      .join(''),
  );

export interface Growth {
  /** Of the sample that told it. */
  readonly atMs: number;
  readonly sinceMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly process: string;
  readonly grown: number;
}

/** What happened between one sample and the next, as far as anybody could know: after a restart only what came since. */
export const growthsOf = (
  processes: readonly TellingProcess[],
  happenings: readonly Happening[],
  figure: string,
): Growth[] =>
  [...grouped(happenings, keyOf).values()].flatMap((own) => {
    const [first] = own;
    if (first === undefined || first.figure !== figure) return [];
    const process = processes.find((one) => one.name === first.process);
    if (process === undefined) return [];
    const { restartsAtMs = [], startedAtMs } = process;
    return beatsOf(process).map((atMs, index, beats) => {
      const sinceMs = beats[index - 1] ?? startedAtMs;
      const restart = restartsAtMs.find((at) => at > sinceMs && at <= atMs) ?? -Infinity;
      const within = own.filter((one) => one.atMs > Math.max(sinceMs, restart) && one.atMs <= atMs);
      const grown = within.reduce((sum, { amount }) => sum + amount, 0);
      return { atMs, sinceMs, labels: first.labels ?? {}, process: first.process, grown };
    });
  });

export const minuteOf = (atMs: number): number => Math.floor(atMs / minuteMs) * minuteMs;
