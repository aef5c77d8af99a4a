import type { Contest, Duel, Setting } from '../contest.ts';
import { openDashboardData, rawRows } from './dashboard-data.ts';
import { dashboardQuestions } from './dashboard-questions.ts';

const aimMs = 200;

const p95 = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.ceil(values.length * 0.95) - 1] ?? Number.NaN;

/** Set to see what each question takes. */
const isVerbose = process.env['TIDEGATE_BENCH_VERBOSE'] === '1';

const open = async ({ keepFolder }: Setting): Promise<Duel> => {
  const store = await openDashboardData(keepFolder);
  const questions = dashboardQuestions();
  const round = async (): Promise<number> => {
    const taken: number[] = [];
    for (const { name, ask } of questions) {
      const startMs = performance.now();
      await ask(store);
      const ms = performance.now() - startMs;
      taken.push(ms);
      if (isVerbose) process.stderr.write(`${ms.toFixed(0).padStart(6)} ms  ${name}\n`);
    }
    return p95(taken);
  };
  return { ours: round, theirs: () => Promise.resolve(aimMs), close: () => store.close() };
};

export const dashboardP95: Contest = {
  name: 'dashboard-p95',
  unit: 'ms',
  better: 'lower',
  reference: 'the aim',
  aim: 1,
  about: `Every query of the dashboards and of the API's reader, one after the other, for the last hour, 6 hours, day, 7 and 30 days, for all and for one tenant, over ${rawRows.toLocaleString('en-US')} rows: 500 tenants, 200 routes, 3 regions and every minute of 30 days, evenly, with counts up to 1,000. The 95th percentile of all. No cache is emptied in between. The data is made once and kept under .services.`,
  timeoutMs: 3_600_000,
  open,
};
