import { useState } from 'preact/hooks';
import { number } from '../../app/format.ts';
import { Card, Choice } from '../../app/parts.tsx';
import { hrefOf, part } from '../../app/router.ts';
import { Empty, Shown } from '../../app/states.tsx';
import { DataTable } from '../../app/table.tsx';
import { ShareCell, Sparkline } from '../../charts/bars.tsx';
import { type Range, useRange } from './ranges.ts';

interface Rate {
  readonly key: string;
  readonly decisions: number;
  readonly denied: number;
  readonly blocked: number;
  readonly throttleRate: number;
}

interface RatesAnswer {
  readonly from: string;
  readonly to: string;
  readonly stepMinutes: number;
  readonly rates: readonly Rate[];
  readonly points: readonly { readonly at: string; readonly group: string; readonly throttleRate: number }[];
}

const dimensions = ['tenant', 'route', 'region', 'policy', 'client'] as const;
type Dimension = (typeof dimensions)[number];
const shownGroups = 12;

/** The course of each group, a value for each step; steps without decisions are zero. */
const coursesOf = ({ from, to, stepMinutes, points }: RatesAnswer): ReadonlyMap<string, readonly number[]> => {
  const stepMs = stepMinutes * 60_000;
  const first = Math.floor(new Date(from).getTime() / stepMs);
  const count = Math.max(1, Math.ceil(new Date(to).getTime() / stepMs) - first);
  const courses = new Map<string, number[]>();
  for (const { at, group, throttleRate } of points) {
    const course = courses.get(group) ?? Array.from({ length: count }, () => 0);
    const index = Math.floor(new Date(at).getTime() / stepMs) - first;
    if (index >= 0 && index < count) course[index] = throttleRate;
    courses.set(group, course);
  }
  return courses;
};

const NameCell = ({ by, name }: { readonly by: Dimension; readonly name: string }) => {
  if (name === '') return <span class="quiet">(none)</span>;
  if (by !== 'client') return <code>{name}</code>;
  return (
    <a href={hrefOf(`/clients/${part(name)}`)}>
      <code>{name}</code>
    </a>
  );
};

const RatesTable = ({
  by,
  answer,
  range,
}: {
  readonly by: Dimension;
  readonly answer: RatesAnswer;
  readonly range: Range;
}) => {
  const courses = coursesOf(answer);
  if (answer.rates.length === 0) return <Empty title={`No decision in ${range.words}`} />;
  return (
    <DataTable<Rate>
      caption={`Throttle rate by ${by} in ${range.words}, highest first`}
      rows={answer.rates.slice(0, shownGroups)}
      rowKey={({ key }) => key}
      columns={[
        { head: by, isMain: true, cell: ({ key }) => <NameCell by={by} name={key} /> },
        { head: 'decisions', isNumber: true, cell: ({ decisions }) => number(decisions) },
        { head: 'denied', isNumber: true, cell: ({ denied }) => number(denied) },
        { head: 'blocked', isNumber: true, cell: ({ blocked }) => number(blocked) },
        { head: 'throttle rate', isNumber: true, cell: ({ throttleRate }) => <ShareCell value={throttleRate} /> },
        { head: 'over time', isNumber: true, cell: ({ key }) => <Sparkline values={courses.get(key) ?? []} top={1} /> },
      ]}
    />
  );
};

export const RatesCard = ({ range }: { readonly range: Range }) => {
  const [by, choose] = useState<Dimension>('tenant');
  const live = useRange<RatesAnswer>('v1/throttle-rates', range, {
    by,
    stepMinutes: range.stepMinutes,
    groups: shownGroups,
  });
  return (
    <Card
      title={`Throttle rate in ${range.words}`}
      id="rates"
      aside={
        <Choice
          label="By what"
          options={dimensions.map((value) => ({ value, text: value }))}
          value={by}
          onChange={choose}
        />
      }
    >
      <p class="quiet small">Denied by a limit, of what no block refused.</p>
      <Shown what="throttle rates" live={live}>
        {(answer) => <RatesTable by={by} answer={answer} range={range} />}
      </Shown>
    </Card>
  );
};
