import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { benches } from './benches.ts';
import { announcedBy, type Contest, type Report } from './contest.ts';
import { profileNotes } from './profile-notes.ts';
import { contestOf, figure, times, verdictOf } from './table.ts';

const jsonPath = fileURLToPath(new URL('../../docs/benchmarks.json', import.meta.url));
const pagePath = fileURLToPath(new URL('../../docs/benchmarks.md', import.meta.url));
const readmePath = fileURLToPath(new URL('../../README.md', import.meta.url));

/** What docs/benchmarks.json holds. */
export const keptReports = (): Report[] => {
  try {
    return JSON.parse(readFileSync(jsonPath, 'utf8')) as Report[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
};

const rowsOf = (report: Report, contest: Contest): string[] =>
  announcedBy(contest).flatMap(({ name }) => {
    const result = report.results.find((candidate) => candidate.name === name);
    if (!result) return [];
    const { unit, value, reference, referenceValue, ratio } = result;
    const aim = contest.aim === null ? '' : `${times(contest.aim)} ${verdictOf(result, contest)}`;
    const cells = [`\`${name}\``, figure(value), figure(referenceValue), unit, `**${times(ratio)}**`, aim, reference];
    return [`| ${cells.join(' | ')} |`];
  });

const sectionOf = (report: Report): string => {
  const contests = benches.get(report.bench) ?? [];
  const told = contests.filter((contest) => report.results.some((result) => contestOf(result, [contest])));
  const notes = told.map(({ name, about }) =>
    [`- \`${name}\`: ${about}`, profileNotes[name]].filter(Boolean).join(' '),
  );
  return `## ${report.bench}

\`npm run bench -- ${report.bench}\` · medians of ${report.rounds} rounds, ${report.cores} cores shared with everything else that ran.

| result | tidegate | beside it | unit | ratio | aim | what ran beside it |
|---|--:|--:|---|--:|---|---|
${told.flatMap((contest) => rowsOf(report, contest)).join('\n')}

${notes.join('\n')}
`;
};

/** docs/benchmarks.md, whole. */
export const pageOf = (reports: readonly Report[]): string => `# Benchmarks

Generated from \`docs/benchmarks.json\` by \`npm run bench -- NAME --write\`.

Figures from one machine say little about another; ratios say more. Every result is measured beside something else, in turns
within one run: another limiter that does the same job, or a ceiling that no limiter can exceed. **A ratio above 1 means that
tidegate is better**, whichever way the unit counts. Runs on a busy machine differ, by half for some results: a ratio close to
its aim is neither met nor missed for good.

Run it on yours:

\`\`\`
npm run bench -- enforcement            # a table; about two minutes
npm run bench -- failure                # Redis fails; another two
npm run bench -- pipeline               # decisions to rows; ten minutes, the first time twenty or more
npm run bench -- enforcement --json     # one JSON object as the last line
npm run bench -- enforcement --only memory-100k-keys redis-512-in-flight --rounds 11
\`\`\`

How it is measured: sources are compiled as for a release; each result has a process of its own; both sides run one round that
does not count, then rounds in turns, and the medians are compared. Redis is one server of this run alone, on this machine,
with one connection for each side. Limits are never reached unless a result says so. tidegate's events are always on: merged,
encoded into frames and handed to a log that only counts, all within the measured time. The limiters beside it record
nothing. A run of \`enforcement\` in which any decision was taken without the store fails.

\`failure\` asks at a steady rate of 2,000 requests a second, answered or not, before, during and after a fault of Redis; every
other one is of one client that pushes. Four gates share its limit, with a deadline of 20 ms; beside them four limiters with the
same time limit, each with its own memory as insurance; three rounds at most. \`recovery\` is the time from the end of the fault until each gate has
had an answer of the store, at most 3,000 ms: ours asks again only once in 500 to 1,000 ms.

\`pipeline\` follows decisions to their rows: a broker of Apache Kafka of this run alone, ClickHouse as chDB in the process that is
measured. What it counts in one place it leaves out in another: CPU time of the broker is in no result. \`dashboard-p95\` makes
its data on first use, which takes ten minutes of two cores or more, and keeps it under \`.services/bench-dashboard\` until tables change.

${reports.map(sectionOf).join('\n')}`;

const guidePath = fileURLToPath(new URL('../../docs/guides/algorithms.md', import.meta.url));
const markedTable = /(<!-- benchmarks: .*?-->\n)[\s\S]*?(<!-- end of benchmarks -->)/;

const withTable = (text: string, rows: readonly string[]): string =>
  text.replace(markedTable, (_all, start: string, end: string) => `${start}${rows.join('\n')}\n${end}`);

const gateCounts = ['1-gate', '4-gates', '16-gates'];
const loads = ['0-9x', '1x', '3x', '10x'];

/** What the guide to algorithms tells of approximate counting: by how much it admits more or less than exact counting. */
export const guideWith = (guide: string, reports: readonly Report[]): string => {
  const results = reports.find(({ bench }) => bench === 'consistency')?.results ?? [];
  const excess = (name: string): string => {
    const result = results.find((candidate) => candidate.name === name);
    if (!result) return '';
    const percent = (100 * (result.value - result.referenceValue)) / result.referenceValue;
    return `${percent > 0.05 ? '+' : ''}${percent.toFixed(1).replace(/^-0\.0$/, '0.0')} %`;
  };
  const rows = ['token-bucket', 'sliding-window', 'fixed-window'].flatMap((algorithm) =>
    loads.map((load) => {
      const cells = gateCounts.map((gates) => excess(`${algorithm}-${gates}-${load}`));
      return `| \`${algorithm}\`, ${load.replace('-', '.').replace('x', ' ×')} the limit | ${cells.join(' | ')} |`;
    }),
  );
  return withTable(guide, ['| admitted, against exact | 1 gate | 4 gates | 16 gates |', '|---|--:|--:|--:|', ...rows]);
};

/** What the README tells of `enforcement`, between its two marks: one line per result that has an aim. */
export const readmeWith = (readme: string, reports: readonly Report[]): string => {
  const report = reports.find(({ bench }) => bench === 'enforcement');
  const contests = (benches.get('enforcement') ?? []).filter(({ aim }) => aim !== null);
  const rows = contests.flatMap((contest) => {
    const result = report?.results.find(({ name }) => name === contest.name);
    if (!result || contest.aim === null) return [];
    const verdict = `${times(contest.aim)} ${verdictOf(result, contest)}`;
    return [`| \`${result.name}\` | ${result.reference} | **${times(result.ratio)}** | ${verdict} |`];
  });
  return withTable(readme, ['| result | beside | ratio | aim |', '|---|---|--:|---|', ...rows]);
};

/** Keeps a report, in place of what there was of the same results, and writes the page. */
export const keepReport = (report: Report): void => {
  const kept = keptReports();
  const before = kept.find(({ bench }) => bench === report.bench);
  const names = new Set(report.results.map(({ name }) => name));
  const others = before?.results.filter(({ name }) => !names.has(name)) ?? [];
  const merged = { ...report, results: [...report.results, ...others] };
  const reports = [...kept.filter(({ bench }) => bench !== report.bench), merged];
  writeFileSync(jsonPath, `${JSON.stringify(reports, null, 2)}\n`);
  writeFileSync(pagePath, pageOf(reports));
  writeFileSync(readmePath, readmeWith(readFileSync(readmePath, 'utf8'), reports));
  writeFileSync(guidePath, guideWith(readFileSync(guidePath, 'utf8'), reports));
};
