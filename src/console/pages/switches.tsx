import { useState } from 'preact/hooks';
import { ActionButton } from '../app/action.tsx';
import { refreshUnder, useLive } from '../app/live.ts';
import { NoteDialog } from '../app/note-dialog.tsx';
import { At, Card, Chip } from '../app/parts.tsx';
import { send, whyNot } from '../app/session.ts';
import { Shown } from '../app/states.tsx';
import { toast } from '../app/toasts.tsx';
import { endOf, TermField } from '../app/until.tsx';

interface Off {
  readonly until: string;
  readonly actor: string;
  readonly note: string;
}

const switched = ['blocks', 'limits'] as const;
type What = (typeof switched)[number];
type Switches = Readonly<Record<What, Off | null>>;

const words: Readonly<Record<What, { readonly title: string; readonly on: string; readonly off: string }>> = {
  blocks: {
    title: 'Blocks',
    on: 'Who is on the block list is refused.',
    off: 'Nobody is refused by the block list; limits still hold.',
  },
  limits: { title: 'Limits', on: 'Every policy holds.', off: 'Every request that no block refuses is let through.' },
};

const minuteMs = 60_000;
const terms = [15 * minuteMs, 60 * minuteMs, 360 * minuteMs, 1440 * minuteMs];

const SwitchDialog = ({
  what,
  isOff,
  onClose,
}: {
  readonly what: What;
  readonly isOff: boolean;
  readonly onClose: () => void;
}) => {
  const [termMs, setTermMs] = useState(15 * minuteMs);
  return (
    <NoteDialog
      title={isOff ? `Switch all ${what} on again` : `Switch all ${what} off`}
      verb={isOff ? 'Switch on' : 'Switch off'}
      tone={isOff ? 'primary' : 'danger'}
      draft={`switch.${what}`}
      onClose={onClose}
      onSubmit={async (note) => {
        const until = isOff ? null : endOf(termMs);
        await send('PUT', `v1/switches/${what}`, { body: { until, note } });
        toast({ text: isOff ? `All ${what} are on again.` : `All ${what} are off in every gate.` });
        refreshUnder('v1/s');
      }}
    >
      <p>{isOff ? words[what].on : words[what].off} Every gate follows within a second.</p>
      {isOff ? null : <TermField label="For" terms={terms} value={termMs} onChange={setTermMs} />}
    </NoteDialog>
  );
};

const SwitchCard = ({ what, off }: { readonly what: What; readonly off: Off | null }) => {
  const [isOpen, setOpen] = useState(false);
  const denied = whyNot('admin', { isShared: true });
  return (
    <Card
      title={words[what].title}
      id={`switch-${what}`}
      aside={
        <ActionButton
          tone={off === null ? 'danger' : 'primary'}
          deniedBy={denied}
          label={off === null ? `Switch off all ${what}` : `Switch on again all ${what}`}
          onClick={() => setOpen(true)}
        >
          {off === null ? 'Switch off' : 'Switch on again'}
        </ActionButton>
      }
    >
      <p>
        {off === null ? <Chip tone="good">on</Chip> : <Chip tone="bad">off</Chip>}{' '}
        {off === null ? words[what].on : words[what].off}
      </p>
      {off === null ? null : (
        <p>
          Until <At at={off.until} />, by {off.actor}: {off.note}
        </p>
      )}
      {isOpen ? <SwitchDialog what={what} isOff={off !== null} onClose={() => setOpen(false)} /> : null}
    </Card>
  );
};

/** All blocks, or all limits, off in every gate: for the moment in which tidegate itself is the problem. */
export const SwitchesPage = () => {
  const live = useLive<Switches>('v1/switches', 3000);
  return (
    <>
      <div class="page-head">
        <div>
          <h1 tabIndex={-1}>Switches</h1>
          <p>For the moment in which tidegate itself is the problem. What is off comes on again by itself.</p>
        </div>
      </div>
      <Shown what="switches" live={live}>
        {(switches) => (
          <div class="grid">
            {switched.map((what) => (
              <SwitchCard key={what} what={what} off={switches[what]} />
            ))}
          </div>
        )}
      </Shown>
    </>
  );
};
