import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dashboardUids } from '../../../dashboards/links.ts';
import type { Contest, Duel, Sample, Setting } from '../contest.ts';
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

/** A table of all panels, slowest first: 95th percentile over ranges, choices and rounds, and the slowest screen. */
const panelTable = (taken: readonly Taken[]): string => {
  const names = [...new Set(taken.map(({ question: { part, panel } }) => `${part} | ${panel}`))];
  const lines = names
    .map((name) => {
      const own = taken.filter(({ question: { part, panel } }) => `${part} | ${panel}` === name);
      const [worst] = [...own].sort((a, b) => b.ms - a.ms);
      return { name, ms: p95(own.map(({ ms }) => ms)), worst };
    })
    .sort((a, b) => b.ms - a.ms);
  return [
    '| dashboard | question | p95, ms | slowest, ms | where |',
    '|---|---|---|---|---|',
    ...lines.map(
      ({ name, ms, worst }) => `| ${name} | ${ms.toFixed(0)} | ${worst?.ms.toFixed(0)} | ${worst?.question.screen} |`,
    ),
  ].join('\n');
};

const open = async ({ keepFolder }: Setting): Promise<Duel<Sample>> => {
  const store = await openDashboardData(keepFolder);
  const questions = dashboardQuestions();
  const all: Taken[] = [];
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
    all.push(...taken);
    const of = (part: string): readonly number[] =>
      taken.filter(({ question }) => isOf(part, question)).map(({ ms }) => ms);
    return Object.fromEntries(parts.map((part) => [part, p95(of(part))]));
  };
  const close = async (): Promise<void> => {
    writeFileSync(join(keepFolder, 'dashboard-panels.md'), `${panelTable(all)}\n`);
    await store.close();
  };
  return { ours: round, theirs: () => Promise.resolve(Object.fromEntries(parts.map((part) => [part, aimMs]))), close };
};

export const dashboardP95: Contest = {
  name: 'dashboard-p95',
  unit: 'ms',
  better: 'lower',
  reference: 'the aim',
  aim: 1,
  facets: parts.map((name) => ({ name, unit: 'ms', better: 'lower' as const })),
  about: `Every query of the dashboards and of the API's reader, one after the other, for the last hour, 6 hours, day, 7 and 30 days, for all, for one tenant and for one client where a query knows of them, over ${rawRows.toLocaleString('en-US')} rows: 500 tenants, 200 routes, 3 regions and every minute of 30 days, evenly, with counts up to 1,000, and a week of what two processes tell of themselves. The 95th percentile of all, and of each dashboard. No cache is emptied in between. The data is made once and kept under .services, where dashboard-panels.md has every panel by itself.`,
  timeoutMs: 3_600_000,
  open,
};
