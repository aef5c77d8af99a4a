import { keptReports } from '../test/bench/page.ts';

const inText = (name: string): string => name.replaceAll('|', '\\|');

/** docs/reference/dashboard-latency.md, whole. */
export const dashboardLatencyPage = (): string => {
  const results = keptReports().flatMap((report) => report.results);
  const { details = [] } = results.find(({ name }) => name === 'dashboard-p95') ?? {};
  const rows = details.map(
    ({ group, name, value, worst, worstIn }) => `| ${group} | ${inText(name)} | ${value} | ${worst} | ${worstIn} |`,
  );
  return `# How long each panel takes

Generated from \`docs/benchmarks.json\` by \`npm run docs\`, after \`npm run bench -- pipeline --only dashboard-p95 --write\`.

Every query of the five dashboards and of the API's reader over the data set of the [pipeline benchmark](../benchmarks.md#pipeline), slowest
first: 95th percentile over ranges from an hour to 30 days, for all, one tenant and one client, and the slowest screen. The aim is 200 ms.
Two cores, nothing else running; letters tell the queries of one panel apart.

| dashboard | query | p95, ms | slowest, ms | where |
|---|---|--:|--:|---|
${rows.join('\n')}
`;
};
