import { useState } from 'preact/hooks';
import { ActionButton } from '../app/action.tsx';
import type { Batch, Tally } from '../app/api-types.ts';
import { number, plural } from '../app/format.ts';
import { refreshUnder, useLive } from '../app/live.ts';
import { NoteDialog } from '../app/note-dialog.tsx';
import { Ago, Card, Chip, type Tone } from '../app/parts.tsx';
import { hrefOf, part } from '../app/router.ts';
import { send, session, whyNot } from '../app/session.ts';
import { Empty, Shown } from '../app/states.tsx';
import { DataTable } from '../app/table.tsx';
import { toast } from '../app/toasts.tsx';
import { Visible } from '../app/visible.tsx';
import { ShareBar } from '../charts/bars.tsx';

const tones: Readonly<Record<Batch['state'], Tone>> = {
  running: 'info',
  done: 'good',
  interrupted: 'bad',
  undoing: 'info',
  undone: 'plain',
};
const shownFailures = 50;

const Progress = ({ batch }: { readonly batch: Batch }) => {
  const { total, done, failedCount, undo, state } = batch;
  const isUndo = state === 'undoing' && undo !== null;
  const now = isUndo ? undo : { done, failedCount };
  const isAtWork = state === 'running' || state === 'undoing';
  return (
    <>
      {isAtWork ? (
        <progress max={Math.max(1, isUndo ? done : total)} value={now.done + now.failedCount} aria-label="Progress" />
      ) : (
        <ShareBar value={total === 0 ? 0 : done / total} tone="allowed" />
      )}{' '}
      {number(now.done)} of {number(isUndo ? done : total)}
      {now.failedCount > 0 ? <div class="small">{plural(now.failedCount, 'block')} not</div> : null}
    </>
  );
};

const Failures = ({ tally, title }: { readonly tally: Tally; readonly title: string }) =>
  tally.failedCount === 0 ? null : (
    <details>
      <summary>{title}</summary>
      <ul class="lines">
        {tally.failed.slice(0, shownFailures).map(({ id, code, detail }) => (
          <li key={id} class="small">
            <a href={hrefOf(`/blocks/${part(id)}`)}>
              <code>{id}</code>
            </a>{' '}
            {code}: {detail}
          </li>
        ))}
      </ul>
    </details>
  );

const What = ({ batch }: { readonly batch: Batch }) => (
  <>
    {batch.act} {plural(batch.total, 'block')}
    <div class="quiet small">
      <Visible text={batch.note} />
    </div>
    <Failures tally={batch} title={`${plural(batch.failedCount, 'block')} it was not done to`} />
    {batch.undo === null ? null : (
      <>
        <div class="small">
          undone by {batch.undo.by} <Ago at={batch.undo.at} />: <Visible text={batch.undo.note} />
        </div>
        <Failures tally={batch.undo} title={`${plural(batch.undo.failedCount, 'block')} stayed as they are`} />
      </>
    )}
  </>
);

const undoDeniedBy = ({ by, state }: Batch): string | null => {
  if (state === 'undone') return 'It is undone already.';
  if (state === 'running' || state === 'undoing') return 'Wait until it has ended.';
  return by === session.value?.name ? whyNot('reviewer') : whyNot('lead');
};

const BatchTable = ({
  batches,
  onUndo,
}: {
  readonly batches: readonly Batch[];
  readonly onUndo: (batch: Batch) => void;
}) => (
  <DataTable<Batch>
    caption="Batches, newest first"
    rows={batches}
    rowKey={({ batchId }) => batchId}
    columns={[
      { head: 'what', isMain: true, cell: (batch) => <What batch={batch} /> },
      { head: 'state', cell: ({ state }) => <Chip tone={tones[state]}>{state}</Chip> },
      { head: 'done', cell: (batch) => <Progress batch={batch} /> },
      {
        head: 'by',
        cell: ({ by, at }) => (
          <>
            {by}{' '}
            <span class="quiet">
              <Ago at={at} />
            </span>
          </>
        ),
      },
      {
        head: 'what to do',
        isActions: true,
        cell: (batch) => (
          <ActionButton
            deniedBy={undoDeniedBy(batch)}
            label={`Undo: ${batch.act} ${plural(batch.total, 'block')}`}
            onClick={() => onUndo(batch)}
          >
            Undo
          </ActionButton>
        ),
      },
    ]}
  />
);

const UndoDialog = ({ batch, onClose }: { readonly batch: Batch; readonly onClose: () => void }) => (
  <NoteDialog
    title={`Undo: ${batch.act} ${plural(batch.done, 'block')}`}
    verb="Undo it"
    draft={`batch-undo.${batch.batchId}`}
    onClose={onClose}
    onSubmit={async (note) => {
      await send('POST', `v1/batches/${part(batch.batchId)}/undo`, { body: { note } });
      toast({ text: 'It is being undone.' });
      refreshUnder('v1/b');
    }}
  >
    <p>Blocks that somebody has touched since stay as they are.</p>
  </NoteDialog>
);

/** Changes to many blocks at once: how far they are, and their undo. */
export const BatchesPage = () => {
  const live = useLive<{ readonly batches: readonly Batch[]; readonly nextCursor: string | null }>(
    'v1/batches?limit=50',
    2000,
  );
  const [undoing, setUndoing] = useState<Batch | null>(null);
  return (
    <>
      <div class="page-head">
        <div>
          <h1 tabIndex={-1}>Batches</h1>
          <p>What was done to many blocks at once in the last 30 days. Each can be undone as one.</p>
        </div>
      </div>
      <Card title="Newest first" id="batches">
        <Shown what="batches" live={live}>
          {({ batches, nextCursor }) =>
            batches.length === 0 ? (
              <Empty title="None yet">
                Select blocks in the <a href={hrefOf('/queue')}>review queue</a> to decide on many at once.
              </Empty>
            ) : (
              <>
                <BatchTable batches={batches} onUndo={setUndoing} />
                {nextCursor === null ? null : <p class="quiet">The newest 50 are shown.</p>}
              </>
            )
          }
        </Shown>
      </Card>
      {undoing === null ? null : <UndoDialog batch={undoing} onClose={() => setUndoing(null)} />}
    </>
  );
};
