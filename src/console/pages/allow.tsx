import { useId, useState } from 'preact/hooks';
import { ActionButton } from '../app/action.tsx';
import { queryText } from '../app/client.ts';
import { useDraft } from '../app/draft.ts';
import { plural } from '../app/format.ts';
import { refreshUnder, useLive } from '../app/live.ts';
import { NoteDialog } from '../app/note-dialog.tsx';
import { At, Card, Chip } from '../app/parts.tsx';
import { hrefOf, part } from '../app/router.ts';
import { limitOf, send, whyNot } from '../app/session.ts';
import { Empty, Shown } from '../app/states.tsx';
import { subjectOf } from '../app/subject.ts';
import { DataTable } from '../app/table.tsx';
import { toast } from '../app/toasts.tsx';
import { endOf, TermField } from '../app/until.tsx';

interface Entry {
  readonly subject: string;
  readonly kind: 'allow' | 'canary';
  readonly until: string;
  readonly note: string;
  readonly actor: string;
}

interface AllowAnswer {
  readonly entries: readonly Entry[];
  readonly nextCursor: string | null;
}

const dayMs = 86_400_000;
const kinds = [
  { value: 'allow', text: 'allow: never block it' },
  { value: 'canary', text: 'canary: whoever would block it is wrong' },
] as const;

const AddDialog = ({ onClose }: { readonly onClose: () => void }) => {
  const [subject, setSubject, clearSubject] = useDraft('allow.subject');
  const [kind, setKind] = useState<Entry['kind']>('allow');
  const [termMs, setTermMs] = useState(dayMs);
  const id = useId();
  return (
    <NoteDialog
      title="Allow somebody"
      verb="Allow"
      draft="allow"
      onClose={onClose}
      onSubmit={async (note) => {
        const body = { subject: subjectOf(subject.trim()), kind, until: endOf(termMs), note };
        await send('POST', 'v1/allow', { body });
        clearSubject();
        toast({ text: `${body.subject} is not blocked from now on.` });
        refreshUnder('v1/allow');
      }}
    >
      <p class="quiet">What blocks it now ends at once.</p>
      <label for={id}>Who</label>
      <input
        id={id}
        required
        spellcheck={false}
        maxLength={512}
        placeholder="203.0.113.7, 203.0.113.0/24, user:anna, acme/key:…"
        value={subject}
        onInput={(event) => setSubject(event.currentTarget.value)}
      />
      <div class="fields">
        <div>
          <label for={`${id}-kind`}>As</label>
          <select
            id={`${id}-kind`}
            value={kind}
            onChange={(event) => setKind(event.currentTarget.value === 'canary' ? 'canary' : 'allow')}
          >
            {kinds.map(({ value, text }) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        </div>
        <TermField label="For" value={termMs} onChange={setTermMs} mostMs={limitOf('allowMs')} />
      </div>
    </NoteDialog>
  );
};

const EndDialog = ({ entry, onClose }: { readonly entry: Entry; readonly onClose: () => void }) => (
  <NoteDialog
    title={`End the entry of ${entry.subject}`}
    verb="End it"
    tone="danger"
    draft={`allow-end.${entry.subject}`}
    onClose={onClose}
    onSubmit={async (note) => {
      await send('DELETE', `v1/allow${queryText({ subject: entry.subject, note })}`);
      const { subject, kind, until } = entry;
      const again = { subject, kind, until, note: entry.note };
      toast({
        text: `${subject} can be blocked again.`,
        action: {
          label: 'Undo',
          run: () => void send('POST', 'v1/allow', { body: again }).then(() => refreshUnder('v1/allow'), failed),
        },
      });
      refreshUnder('v1/allow');
    }}
  >
    <p>
      {entry.actor} made it: {entry.note}
    </p>
  </NoteDialog>
);

const failed = (error: unknown): void => {
  toast({ tone: 'bad', text: `Not undone: ${error instanceof Error ? error.message : 'unknown'}` });
};

const EntryTable = ({
  entries,
  onEnd,
}: {
  readonly entries: readonly Entry[];
  readonly onEnd: (entry: Entry) => void;
}) => (
  <DataTable<Entry>
    caption="Allow entries, soonest end first"
    rows={entries}
    rowKey={({ subject }) => subject}
    columns={[
      {
        head: 'who',
        isMain: true,
        cell: ({ subject }) => (
          <a href={hrefOf(`/clients/${part(subject)}`)}>
            <code>{subject}</code>
          </a>
        ),
      },
      { head: 'as', cell: ({ kind }) => <Chip tone={kind === 'canary' ? 'info' : 'good'}>{kind}</Chip> },
      { head: 'until', cell: ({ until }) => <At at={until} /> },
      { head: 'why', cell: ({ note }) => note },
      { head: 'by', cell: ({ actor }) => actor },
      {
        head: 'what to do',
        isActions: true,
        cell: (entry) => (
          <ActionButton
            deniedBy={whyNot('reviewer')}
            label={`End the entry of ${entry.subject}`}
            onClick={() => onEnd(entry)}
          >
            End
          </ActionButton>
        ),
      },
    ]}
  />
);

/** Who must not be blocked: view, add, end. */
export const AllowPage = () => {
  const live = useLive<AllowAnswer>('v1/allow?limit=500');
  const [isAdding, setAdding] = useState(false);
  const [ending, setEnding] = useState<Entry | null>(null);
  return (
    <>
      <div class="page-head">
        <div>
          <h1 tabIndex={-1}>Allow entries</h1>
          <p>Who must not be blocked, whatever a rule says. Each has an end, and somebody who wanted it.</p>
        </div>
        <ActionButton tone="primary" deniedBy={whyNot('reviewer')} onClick={() => setAdding(true)}>
          Allow somebody
        </ActionButton>
      </div>
      <Card title={live.data === null ? 'In force' : plural(live.data.entries.length, 'entry', 'entries')} id="allow">
        <Shown what="allow entries" live={live}>
          {({ entries, nextCursor }) =>
            entries.length === 0 ? (
              <Empty title="Nobody is allowed by name">
                Monitors, payment webhooks and one's own servers belong here: a rule cannot know them.
              </Empty>
            ) : (
              <>
                <EntryTable entries={entries} onEnd={setEnding} />
                {nextCursor === null ? null : <p class="quiet">The 500 that end first are shown.</p>}
              </>
            )
          }
        </Shown>
      </Card>
      {isAdding ? <AddDialog onClose={() => setAdding(false)} /> : null}
      {ending === null ? null : <EndDialog entry={ending} onClose={() => setEnding(null)} />}
    </>
  );
};
