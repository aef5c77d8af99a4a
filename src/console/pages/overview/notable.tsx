import type { BlockState } from '../../app/api-types.ts';
import { number, plural, share } from '../../app/format.ts';
import { useLive } from '../../app/live.ts';
import { Ago, At, Card, Chip, StateChip } from '../../app/parts.tsx';
import { hrefOf, part } from '../../app/router.ts';
import { Empty, Shown } from '../../app/states.tsx';
import { DataTable } from '../../app/table.tsx';
import { ShareCell } from '../../charts/bars.tsx';

interface Spike {
  readonly at: string;
  readonly dimension: string;
  readonly value: string;
  readonly denied: number;
  readonly throttleRate: number;
  readonly baselineRate: number;
  readonly clients: number;
  readonly cause: string;
}

const slowPauseMs = 15_000;
const shownRows = 8;

const SpikeTable = ({ spikes }: { readonly spikes: readonly Spike[] }) => (
  <DataTable<Spike>
    caption="Spikes, newest first"
    rows={spikes.slice(0, shownRows)}
    rowKey={({ at, dimension, value }) => `${at} ${dimension} ${value}`}
    columns={[
      {
        head: 'of',
        isMain: true,
        cell: ({ dimension, value }) => (
          <>
            {dimension === 'all' ? 'all decisions' : `${dimension} `}
            {value === '' ? null : <code>{value}</code>}
          </>
        ),
      },
      { head: 'at', cell: ({ at }) => <At at={at} /> },
      {
        head: 'throttle rate',
        isNumber: true,
        cell: ({ throttleRate, baselineRate }) => (
          <>
            {share(throttleRate)} <span class="quiet">was {share(baselineRate)}</span>
          </>
        ),
      },
      { head: 'cause', cell: ({ cause }) => <Chip tone="warn">{cause}</Chip> },
    ]}
  />
);

/** Minutes in which far more was denied than just before. */
export const SpikesCard = () => {
  const live = useLive<readonly Spike[]>('v1/analytics/spikes?limit=50', slowPauseMs);
  return (
    <Card title="Spikes of the last 6 hours" id="spikes">
      <Shown what="spikes" live={live}>
        {(spikes) =>
          spikes.length === 0 ? (
            <Empty title="None">
              A spike is a throttle rate far above what is usual at this time; a new installation knows that after 25
              minutes of decisions.
            </Empty>
          ) : (
            <SpikeTable spikes={spikes} />
          )
        }
      </Shown>
    </Card>
  );
};

interface Offender {
  readonly client: string;
  readonly denied: number;
  readonly blocked: number;
  readonly early: number;
  readonly routes: readonly string[];
  readonly routeCount: number;
  readonly lastDeniedAt: string;
  readonly block: { readonly id: string; readonly state: BlockState } | null;
}

const ClientLink = ({ client }: { readonly client: string }) => (
  <a href={hrefOf(`/clients/${part(client)}`)}>
    <code>{client}</code>
  </a>
);

const OffenderTable = ({ offenders }: { readonly offenders: readonly Offender[] }) => (
  <DataTable<Offender>
    caption="Clients denied most, most denied first"
    rows={offenders}
    rowKey={({ client }) => client}
    columns={[
      { head: 'client', isMain: true, cell: ({ client }) => <ClientLink client={client} /> },
      { head: 'denied', isNumber: true, cell: ({ denied }) => number(denied) },
      { head: 'blocked', isNumber: true, cell: ({ blocked }) => number(blocked) },
      { head: 'routes', isNumber: true, cell: ({ routeCount }) => number(routeCount) },
      { head: 'last', cell: ({ lastDeniedAt }) => <Ago at={lastDeniedAt} /> },
      {
        head: 'block',
        cell: ({ block }) =>
          block === null ? (
            <span class="quiet">none</span>
          ) : (
            <a href={hrefOf(`/blocks/${part(block.id)}`)}>
              <StateChip state={block.state} />
            </a>
          ),
      },
    ]}
  />
);

/** Who was denied most, and whether a block is in force for them. */
export const OffendersCard = () => {
  const live = useLive<readonly Offender[]>(`v1/analytics/offenders?limit=${shownRows}`, slowPauseMs);
  return (
    <Card title="Denied most" id="offenders">
      <Shown what="clients denied most" live={live}>
        {(offenders) =>
          offenders.length === 0 ? (
            <Empty title="Nobody was denied">Within the last hour no limit was hit.</Empty>
          ) : (
            <OffenderTable offenders={offenders} />
          )
        }
      </Shown>
    </Card>
  );
};

interface NearLimit {
  readonly client: string;
  readonly route: string;
  readonly policy: string;
  readonly limit: number;
  readonly leastRemaining: number;
  readonly usedShare: number;
  readonly lastAt: string;
}

const NearTable = ({ near }: { readonly near: readonly NearLimit[] }) => (
  <DataTable<NearLimit>
    caption="Clients near a limit, newest first"
    rows={near}
    rowKey={({ client, route, policy }) => `${client} ${route} ${policy}`}
    columns={[
      { head: 'client', isMain: true, cell: ({ client }) => <ClientLink client={client} /> },
      { head: 'route', cell: ({ route }) => <code>{route}</code> },
      { head: 'policy', cell: ({ policy }) => <code>{policy}</code> },
      {
        head: 'used',
        isNumber: true,
        cell: ({ usedShare }) => <ShareCell value={usedShare} />,
      },
      {
        head: 'left',
        isNumber: true,
        cell: ({ leastRemaining, limit }) => `${number(leastRemaining)} of ${number(limit)}`,
      },
    ]}
  />
);

/** Who is about to be throttled. */
export const NearLimitCard = () => {
  const live = useLive<readonly NearLimit[]>(`v1/analytics/near-limit?limit=${shownRows}`, slowPauseMs);
  return (
    <Card title="Close to a limit" id="near-limit">
      <Shown what="clients near a limit" live={live}>
        {(near) =>
          near.length === 0 ? (
            <Empty title="Nobody">Within 15 minutes no client used more than 80 % of a limit of its own.</Empty>
          ) : (
            <>
              <p class="quiet small">
                {plural(near.length, 'client')} let through with little left, within 15 minutes.
              </p>
              <NearTable near={near} />
            </>
          )
        }
      </Shown>
    </Card>
  );
};
