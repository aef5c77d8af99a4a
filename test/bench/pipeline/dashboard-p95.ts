import { dashboardUids } from '../../../dashboards/links.ts';
import type { Contest, Detail, Duel, Sample, Setting } from '../contest.ts';
import { openDashboardData, rawRows } from './dashboard-data.ts';
import { dashboardQuestions, type Question } from './dashboard-questions.ts';

const aimMs = 200;

const p95 = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.ceil(values.length * 0.95) - 1] ?? Number.NaN;

/** Set to see what each question takes. */
const isVerbose = process.env['TIDEGATE_BENCH_VERBOSE'] === '1';

/** What is measured on its own; '' is everything together. */
const parts = ['', ...Object.keys(dashboardUids), 'api'] as const;
const isOf = (part: string, question: Question): boolean => part === '' || question.part === part;

interface Taken {
  readonly question: Question;
  readonly ms: number;
}

/** Every panel, slowest first: 95th percentile over ranges, choices and rounds, and its slowest screen. */
const panelsOf = (taken: readonly Taken[]): readonly Detail[] => {
  const panels = new Map<string, Taken[]>();
  for (const one of taken) {
    const { part, panel } = one.question;
    const key = JSON.stringify([part, panel]);
    panels.set(key, [...(panels.get(key) ?? []), one]);
  }
  return [...panels.values()]
    .flatMap((own) => {
      const [worst] = [...own].sort((a, b) => b.ms - a.ms);
      if (!worst) return [];
      const { part, panel, screen } = worst.question;
      const value = Math.round(p95(own.map(({ ms }) => ms)));
      return [{ group: part, name: panel, value, worst: Math.round(worst.ms), worstIn: screen }];
    })
    .sort((a, b) => b.value - a.value);
};

const open = async ({ keepFolder }: Setting): Promise<Duel<Sample>> => {
  const store = await openDashboardData(keepFolder);
  const questions = dashboardQuestions();
  const rounds: Taken[][] = [];
  const round = async (): Promise<Sample> => {
    const taken: Taken[] = [];
    for (const question of questions) {
      const startMs = performance.now();
      await question.ask(store);
      const ms = performance.now() - startMs;
      taken.push({ question, ms });
      const { part, panel, screen } = question;
      if (isVerbose) process.stderr.write(`${ms.toFixed(0).padStart(6)} ms  ${part}, ${panel}, ${screen}\n`);
    }
    rounds.push(taken);
    const of = (part: string): readonly number[] =>
      taken.filter(({ question }) => isOf(part, question)).map(({ ms }) => ms);
    return Object.fromEntries(parts.map((part) => [part, p95(of(part))]));
  };
  return {
    ours: round,
    theirs: () => Promise.resolve(Object.fromEntries(parts.map((part) => [part, aimMs]))),
    details: () => panelsOf(rounds.slice(1).flat()),
    close: () => store.close(),
  };
};

export const dashboardP95: Contest = {
  name: 'dashboard-p95',
  unit: 'ms',
  better: 'lower',
  reference: 'the aim',
  aim: 1,
  facets: parts.map((name) => ({ name, unit: 'ms', better: 'lower' as const })),
  about: `Every query of the dashboards and of the API's reader, one after the other, for the last hour, 6 hours, day, 7 and 30 days, for all, for one tenant and for one client where a query knows of them, over ${rawRows.toLocaleString('en-US')} rows: 500 tenants, 200 routes, 3 regions and every minute of 30 days, evenly, with counts up to 1,000, and a week of what two processes tell of themselves. The 95th percentile of all, and of each dashboard. No cache is emptied in between. The data is made once and kept under .services. [Every panel by itself](reference/dashboard-latency.md).`,
  timeoutMs: 3_600_000,
  open,
};
