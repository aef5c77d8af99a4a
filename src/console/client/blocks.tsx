import type { BlockView } from '../app/api-types.ts';
import { queryText } from '../app/client.ts';
import { number } from '../app/format.ts';
import { useLive } from '../app/live.ts';
import { Ago, Card, Chip, StateChip } from '../app/parts.tsx';
import { hrefOf, part } from '../app/router.ts';
import { Empty, Shown } from '../app/states.tsx';
import { DataTable } from '../app/table.tsx';
import type { BlockPageAnswer } from '../review/types.ts';

const columns = [
  {
    head: 'since',
    isMain: true,
    cell: ({ id, blockedAt }: BlockView) => (
      <a href={hrefOf(`/blocks/${part(id)}`)}>
        <Ago at={blockedAt} />
      </a>
    ),
  },
  { head: 'state', cell: ({ state }: BlockView) => <StateChip state={state} /> },
  {
    head: 'judged',
    cell: ({ label }: BlockView) =>
      label == null ? <span class="quiet">by nobody</span> : <Chip tone="info">{label.replace('-', ' ')}</Chip>,
  },
  { head: 'rule', cell: ({ rule }: BlockView) => rule },
  { head: 'denied', isNumber: true, cell: ({ evidence }: BlockView) => number(evidence?.denied) },
  { head: 'refused since', isNumber: true, cell: ({ refusals }: BlockView) => number(refusals?.refused ?? 0) },
];

/** All blocks that it ever had, as long as they are remembered. */
export const BlocksCard = ({ subject }: { readonly subject: string }) => {
  const live = useLive<BlockPageAnswer>(`v1/blocks${queryText({ subject, limit: 50 })}`);
  return (
    <Card title="Blocks" id="client-blocks">
      <Shown what="its blocks" live={live}>
        {({ blocks }) =>
          blocks.length === 0 ? (
            <Empty title="It never had one">At least none that is remembered.</Empty>
          ) : (
            <DataTable caption="Its blocks, newest first" columns={columns} rows={blocks} rowKey={({ id }) => id} />
          )
        }
      </Shown>
    </Card>
  );
};
