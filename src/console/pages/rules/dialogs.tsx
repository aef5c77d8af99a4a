import { useId, useState } from 'preact/hooks';
import { queryText } from '../../app/client.ts';
import { refreshUnder } from '../../app/live.ts';
import { NoteDialog } from '../../app/note-dialog.tsx';
import { part } from '../../app/router.ts';
import { send } from '../../app/session.ts';
import { toast } from '../../app/toasts.tsx';
import { endOf, TermField } from '../../app/until.tsx';
import { type Mode, modes, type Rule } from './rule.ts';

const changed = (text: string): void => {
  toast({ text });
  refreshUnder('v1/');
};

export const ResetDialog = ({ rule, onClose }: { readonly rule: string; readonly onClose: () => void }) => {
  const name = rule === '*' ? 'all rules together' : rule;
  return (
    <NoteDialog
      title={`Reset the breaker of ${name}`}
      verb="Reset it"
      draft={`breaker.${rule}`}
      onClose={onClose}
      onSubmit={async (note) => {
        await send('POST', `v1/breakers/${part(rule)}/reset`, { body: { note } });
        changed(`The breaker of ${name} is on trial: it closes within the hour unless it is over its budget again.`);
      }}
    >
      <p>
        It opened because more would have been blocked than the budget allows. From now on what is found is blocked
        again; look at what is proposed first.
      </p>
    </NoteDialog>
  );
};

const dayMs = 86_400_000;

const modeWords: Readonly<Record<Mode, string>> = {
  off: 'off: it looks at nothing',
  shadow: 'shadow: it notes what it would block',
  review: 'review: it proposes, people decide',
  enforce: 'enforce: as much as its file says',
};

export const ModeDialog = ({ rule, onClose }: { readonly rule: Rule; readonly onClose: () => void }) => {
  const [mode, setMode] = useState<Mode>('shadow');
  const [termMs, setTermMs] = useState(dayMs);
  const id = useId();
  return (
    <NoteDialog
      title={`Cap the mode of ${rule.rule}`}
      verb="Cap it"
      draft={`mode.${rule.rule}`}
      onClose={onClose}
      onSubmit={async (note) => {
        await send('PUT', `v1/rules/${part(rule.rule)}/mode`, { body: { mode, until: endOf(termMs), note } });
        changed(`${rule.rule} does at most ${mode} for now.`);
      }}
    >
      <p class="quiet">
        Its file says {rule.mode.file ?? 'nothing here'}. A cap never makes it do more, and ends by itself.
      </p>
      <div class="fields">
        <div>
          <label for={id}>At most</label>
          <select
            id={id}
            value={mode}
            onChange={(event) => setMode(modes.find((each) => each === event.currentTarget.value) ?? 'shadow')}
          >
            {modes.map((each) => (
              <option key={each} value={each}>
                {modeWords[each]}
              </option>
            ))}
          </select>
        </div>
        <TermField label="For" value={termMs} onChange={setTermMs} />
      </div>
    </NoteDialog>
  );
};

export const EndModeDialog = ({ rule, onClose }: { readonly rule: Rule; readonly onClose: () => void }) => (
  <NoteDialog
    title={`End the cap of ${rule.rule}`}
    verb="End it"
    draft={`mode-end.${rule.rule}`}
    onClose={onClose}
    onSubmit={async (note) => {
      await send('DELETE', `v1/rules/${part(rule.rule)}/mode${queryText({ note })}`);
      changed(`${rule.rule} does again what its file says.`);
    }}
  >
    <p>
      Its file says {rule.mode.file ?? 'nothing here'}.
      {rule.demoted === null ? '' : ' It was put into shadow because it was too often wrong.'}
    </p>
  </NoteDialog>
);
