import { duration, plural } from '../app/format.ts';
import { useLive } from '../app/live.ts';
import { hrefOf, place, replaceQuery } from '../app/router.ts';
import { Shown } from '../app/states.tsx';
import { useStatus } from '../app/status.ts';
import { GatesCard, PipelineCard } from './overview/health.tsx';
import { NearLimitCard, OffendersCard, SpikesCard } from './overview/notable.tsx';
import { OutcomesCard, Tiles, type View } from './overview/outcomes.tsx';
import { rangeNamed, ranges } from './overview/ranges.ts';
import { RatesCard } from './overview/rates.tsx';

const reviewPauseMs = 10_000;

interface Counted {
  readonly count: number;
  readonly isExact: boolean;
}

/** What there is to do, for who signs in to do it. */
const ToReview = () => {
  const { data } = useLive<Counted>('v1/blocks/count?state=proposed,active&unjudged=true', reviewPauseMs);
  if (data === null) return null;
  if (data.count === 0) return <p class="quiet">Nothing waits for a review.</p>;
  return (
    <a href={hrefOf('/queue')}>
      {data.isExact ? '' : 'about '}
      {plural(data.count, 'block')} to review →
    </a>
  );
};

/** What is going on: what was decided, who is throttled, and whether all parts keep up. */
export const OverviewPage = () => {
  const status = useStatus();
  const asked = place.value.query.get('range');
  const view: View = asked === null || asked === 'live' ? 'live' : rangeNamed(asked);
  const range = ranges[view === 'live' ? '1h' : view];
  return (
    <>
      <div class="page-head">
        <div>
          <h1 tabIndex={-1}>Overview</h1>
          <p>
            {status.data === null
              ? ' '
              : `This process has run for ${duration(status.data.uptimeMs)}; its gate counts since then.`}
          </p>
        </div>
        <ToReview />
      </div>
      <Shown what="the state of this process" live={status}>
        {(data) => <Tiles status={data} />}
      </Shown>
      <OutcomesCard view={view} onView={(chosen) => replaceQuery({ range: chosen })} />
      <div class="grid">
        {status.data === null ? null : <PipelineCard status={status.data} />}
        <div class="stack">
          <GatesCard />
          <SpikesCard />
        </div>
      </div>
      <RatesCard range={range} />
      <OffendersCard />
      <NearLimitCard />
    </>
  );
};
