import type { Status } from '../../app/api-types.ts';
import { duration, number, plural } from '../../app/format.ts';
import { useLive } from '../../app/live.ts';
import { Ago, Card, Chip, type Fact, Facts } from '../../app/parts.tsx';
import { hrefOf } from '../../app/router.ts';
import { Empty, Shown } from '../../app/states.tsx';
import type { GatesAnswer } from '../gates.tsx';

interface Reconciliation {
  readonly takenAt: string;
  readonly drift: number;
  readonly findings: readonly { readonly what: string; readonly isDrift: boolean }[];
}

const oldListMs = 5000;
const oldRowsMs = 30_000;
const reconcileEveryMs = 30_000;

const driftFact = (found: Reconciliation | null): Fact => {
  if (found === null) return { name: 'Drift between log and tables', value: '—', detail: 'not compared yet' };
  const { drift, findings } = found;
  return {
    name: 'Drift between log and tables',
    value: number(drift),
    tone: drift > 0 ? 'bad' : 'plain',
    detail: drift > 0 ? findings.find(({ isDrift }) => isDrift)?.what : 'every number agrees',
  };
};

const factsOf = ({ events, ingest, stored, blockList, gate, abuse }: Status): readonly Fact[] => [
  {
    name: 'Events waiting for the log',
    value: number(events.waiting),
  },
  { name: 'Events lost', value: number(events.lost), tone: events.lost > 0 ? 'bad' : 'plain' },
  {
    name: 'Ingest behind the log',
    value: ingest === null ? 'not in this process' : plural(ingest.lagRecords, 'frame'),
  },
  {
    name: 'Age of the newest stored decision',
    value: stored === null ? 'database out of reach' : duration(stored.freshnessMs),
    tone: stored === null ? 'bad' : (stored.freshnessMs ?? 0) > oldRowsMs ? 'warn' : 'plain',
  },
  { name: 'Decisions stored', value: number(stored?.decisions) },
  {
    name: 'Block list age',
    value: duration(blockList.ageMs),
    tone: (blockList.ageMs ?? 0) > oldListMs ? 'bad' : 'plain',
  },
  {
    name: 'Store commands that blocks saved',
    value: number(abuse?.refusals.savedCommands ?? gate.storeCommandsSaved),
  },
];

/** How far what is stored is behind what is decided. */
export const PipelineCard = ({ status }: { readonly status: Status }) => {
  const { data } = useLive<Reconciliation>('v1/reconciliation', reconcileEveryMs);
  return (
    <Card title="Pipeline" id="pipeline">
      <Facts facts={[...factsOf(status), driftFact(data)]} />
    </Card>
  );
};

const GateLine = ({ gate }: { readonly gate: GatesAnswer['gates'][number] }) => (
  <li>
    <Chip tone="bad">degraded</Chip> <code>{gate.id}</code> <span class="quiet">{gate.region}</span>, heard{' '}
    <Ago at={gate.lastBeatAt} />
  </li>
);

const GatesState = ({ answer }: { readonly answer: GatesAnswer }) => {
  const bad = answer.gates.filter(({ isDegraded }) => isDegraded);
  if (answer.gates.length === 0)
    return <Empty title="No gate has been heard yet">They say how they are each second.</Empty>;
  return (
    <>
      <p>
        {bad.length === 0 ? (
          <Chip tone="good">all well</Chip>
        ) : (
          <Chip tone="bad">{plural(bad.length, 'degraded gate')}</Chip>
        )}{' '}
        of {plural(answer.gates.length, 'gate')}. <a href={hrefOf('/gates')}>To the gates</a>
      </p>
      {bad.length > 0 ? (
        <ul class="lines">
          {bad.slice(0, 8).map((gate) => (
            <GateLine key={gate.id} gate={gate} />
          ))}
        </ul>
      ) : null}
    </>
  );
};

export const GatesCard = () => {
  const live = useLive<GatesAnswer>('v1/gates');
  return (
    <Card title="Gates" id="gates">
      <Shown what="gates" live={live}>
        {(answer) => <GatesState answer={answer} />}
      </Shown>
    </Card>
  );
};
