import { useId, useState } from 'preact/hooks';
import { ActionButton } from '../app/action.tsx';
import type { BlockView } from '../app/api-types.ts';
import { queryText } from '../app/client.ts';
import { refreshUnder } from '../app/live.ts';
import { NoteDialog } from '../app/note-dialog.tsx';
import { actionText } from '../app/parts.tsx';
import { failureOf } from '../app/problem.ts';
import { hrefOf, navigate, part } from '../app/router.ts';
import { limitOf, send, whyNot } from '../app/session.ts';
import { toast } from '../app/toasts.tsx';
import { endOf, TermField } from '../app/until.tsx';
import { limitChoices } from '../review/acts.ts';

const dayMs = 86_400_000;
const reasons = [
  { value: 'abuse', text: 'abuse' },
  { value: 'attack', text: 'attack' },
  { value: 'scraping', text: 'scraping' },
  { value: 'fraud', text: 'fraud' },
  { value: 'legal', text: 'legal' },
  { value: 'other', text: 'something else' },
] as const;

const refreshClient = (): void => {
  for (const path of ['v1/explain', 'v1/blocks', 'v1/allow']) refreshUnder(path);
};

const failed = (error: unknown): void => {
  toast({ tone: 'bad', text: `Not undone: ${failureOf(error).message}` });
};

type Made = BlockView | { readonly approval: { readonly id: string } };

const tellMade = (made: Made): void => {
  refreshClient();
  if ('approval' in made) {
    const action = { label: 'Look', run: () => navigate(hrefOf('/approvals')) };
    toast({ text: 'Asked for: a second lead has to agree.', action });
    return;
  }
  const body = { reason: 'goodwill', note: 'Taken back right after it was blocked by hand', tombstoneMs: 0 };
  const undo = (): void => {
    send('POST', `v1/blocks/${part(made.id)}/lift`, { body, etag: `"${made.version}"` }).then(refreshClient, failed);
  };
  toast({ text: 'Blocked. Gates follow within a second.', action: { label: 'Undo', run: undo } });
};

interface SelectProps {
  readonly label: string;
  readonly value: string;
  readonly options: readonly { readonly value: string; readonly text: string }[];
  readonly onChange: (value: string) => void;
}

const Select = ({ label, value, options, onChange }: SelectProps) => {
  const id = useId();
  return (
    <div>
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.text}
          </option>
        ))}
      </select>
    </div>
  );
};

const limitOptions = limitChoices.map((action, index) => ({ value: String(index), text: actionText(action) }));
const refuses = String(limitChoices.findIndex(({ kind }) => kind === 'refuse'));

const BlockDialog = ({ subject, onClose }: { readonly subject: string; readonly onClose: () => void }) => {
  const [termMs, setTermMs] = useState(dayMs);
  const [isForGood, setForGood] = useState(false);
  const [choice, setChoice] = useState(refuses);
  const [reason, setReason] = useState<string>(reasons[0].value);
  const mayAsk = limitOf('blockWithSecondMs') > 0;
  return (
    <NoteDialog
      title="Block by hand"
      verb={isForGood ? 'Ask for it' : 'Block'}
      tone="danger"
      draft={`block.${subject}`}
      onClose={onClose}
      onSubmit={async (note) => {
        const action = limitChoices[Number(choice)] ?? { kind: 'refuse' };
        const until = isForGood ? null : endOf(termMs);
        tellMade((await send<Made>('POST', 'v1/blocks', { body: { subject, action, until, reason, note } })).body);
      }}
    >
      <div class="fields">
        {isForGood ? null : <TermField label="For" value={termMs} onChange={setTermMs} mostMs={limitOf('blockMs')} />}
        <Select label="Its requests are" value={choice} options={limitOptions} onChange={setChoice} />
        <Select label="Because of" value={reason} options={reasons} onChange={setReason} />
      </div>
      {mayAsk ? (
        <label class="check">
          <input type="checkbox" checked={isForGood} onChange={(event) => setForGood(event.currentTarget.checked)} />
          For a year: a second lead has to agree
        </label>
      ) : null}
    </NoteDialog>
  );
};

const AllowDialog = ({ subject, onClose }: { readonly subject: string; readonly onClose: () => void }) => {
  const [termMs, setTermMs] = useState(dayMs);
  return (
    <NoteDialog
      title="Allow"
      verb="Allow"
      draft={`allow.${subject}`}
      onClose={onClose}
      onSubmit={async (note) => {
        await send('POST', 'v1/allow', { body: { subject, kind: 'allow', until: endOf(termMs), note } });
        refreshClient();
        const undo = (): void => {
          const query = queryText({ subject, note: 'Taken back right after' });
          send('DELETE', `v1/allow${query}`).then(refreshClient, failed);
        };
        toast({ text: 'Allowed: no rule blocks it.', action: { label: 'Undo', run: undo } });
      }}
    >
      <p class="quiet">What blocks it now ends at once, and no rule blocks it before the end.</p>
      <TermField label="For" value={termMs} onChange={setTermMs} mostMs={limitOf('allowMs')} />
    </NoteDialog>
  );
};

/** What can be done with a client that no block of its own stands for. */
export const ClientActions = ({ subject, isBlocked }: { readonly subject: string; readonly isBlocked: boolean }) => {
  const [open, setOpen] = useState<'block' | 'allow' | null>(null);
  const close = (): void => setOpen(null);
  const denied = whyNot('reviewer');
  return (
    <div class="acts">
      <ActionButton tone="danger" deniedBy={denied} onClick={() => setOpen('block')}>
        {isBlocked ? 'Block anew' : 'Block by hand'}
      </ActionButton>
      <ActionButton deniedBy={denied} onClick={() => setOpen('allow')}>
        Allow
      </ActionButton>
      {open === 'block' ? <BlockDialog subject={subject} onClose={close} /> : null}
      {open === 'allow' ? <AllowDialog subject={subject} onClose={close} /> : null}
    </div>
  );
};
