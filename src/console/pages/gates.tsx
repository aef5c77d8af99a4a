import { duration, number, plural, share } from '../app/format.ts';
import { useLive } from '../app/live.ts';
import { Ago, Card, Chip } from '../app/parts.tsx';
import { Empty, Shown } from '../app/states.tsx';
import { DataTable } from '../app/table.tsx';

export interface Gate {
  readonly id: string;
  readonly region: string;
  readonly service: string;
  readonly version: string;
  readonly policyVersion: string;
  readonly startedAt: string;
  readonly lastBeatAt: string;
  readonly decisions: number;
  readonly denied: number;
  readonly blocked: number;
  readonly degraded: number;
  readonly degradedShare?: number;
  readonly blockListAgeMs: number | null;
  readonly blockListEntries: number;
  readonly eventsWaiting: number;
  readonly eventsLost: number;
  readonly isDegraded: boolean;
}

export interface GatesAnswer {
  readonly gates: readonly Gate[];
  readonly liveGates: number;
}

const oldListMs = 5000;

/** What is wrong with a gate, in words; empty: nothing. */
const troubles = ({ degradedShare = 0, blockListAgeMs, eventsLost, isDegraded }: Gate): string[] => {
  const found = [
    degradedShare > 0 ? `decides ${share(degradedShare)} without its store` : '',
    (blockListAgeMs ?? 0) > oldListMs ? `block list is ${duration(blockListAgeMs)} old` : '',
    eventsLost > 0 ? `${plural(eventsLost, 'event')} lost` : '',
  ].filter((text) => text !== '');
  return isDegraded && found.length === 0 ? ['not heard for a while'] : found;
};

const Health = ({ gate }: { readonly gate: Gate }) =>
  gate.isDegraded ? (
    <span>
      <Chip tone="bad">degraded</Chip> {troubles(gate).join(', ')}
    </span>
  ) : (
    <Chip tone="good">well</Chip>
  );

const GateTable = ({ gates }: { readonly gates: readonly Gate[] }) => (
  <DataTable<Gate>
    caption="Gates, those heard last first"
    rows={gates}
    rowKey={({ id }) => id}
    columns={[
      {
        head: 'gate',
        isMain: true,
        cell: ({ id, service }) => (
          <>
            <code>{id}</code>
            <br />
            <span class="quiet small">{service}</span>
          </>
        ),
      },
      { head: 'health', cell: (gate) => <Health gate={gate} /> },
      { head: 'region', cell: ({ region }) => region },
      { head: 'heard', cell: ({ lastBeatAt }) => <Ago at={lastBeatAt} /> },
      { head: 'decisions', isNumber: true, cell: ({ decisions }) => number(decisions) },
      { head: 'denied', isNumber: true, cell: ({ denied }) => number(denied) },
      { head: 'blocked', isNumber: true, cell: ({ blocked }) => number(blocked) },
      { head: 'list entries', isNumber: true, cell: ({ blockListEntries }) => number(blockListEntries) },
      { head: 'list age', isNumber: true, cell: ({ blockListAgeMs }) => duration(blockListAgeMs) },
      { head: 'waiting', isNumber: true, cell: ({ eventsWaiting }) => number(eventsWaiting) },
      {
        head: 'policies',
        cell: ({ policyVersion, version }) => (
          <>
            <code>{policyVersion}</code>
            <br />
            <span class="quiet small">tidegate {version}</span>
          </>
        ),
      },
    ]}
  />
);

/** The gates that share the limits, as they say themselves. */
export const GatesPage = () => {
  const live = useLive<GatesAnswer>('v1/gates', 2000);
  return (
    <>
      <div class="page-head">
        <div>
          <h1 tabIndex={-1}>Gates</h1>
          <p>Each gate says once a second how it is doing. Decisions are counted since its start.</p>
        </div>
      </div>
      <Card title={live.data === null ? 'In the fleet' : plural(live.data.gates.length, 'gate')} id="gate-list">
        <Shown what="gates" live={live}>
          {({ gates, liveGates }) =>
            gates.length === 0 ? (
              <Empty title="No gate has been heard yet">
                {plural(liveGates, 'gate')} share the limits; gates of earlier releases do not say how they are.
              </Empty>
            ) : (
              <GateTable gates={gates} />
            )
          }
        </Shown>
      </Card>
    </>
  );
};
