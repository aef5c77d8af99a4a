import { ActionButton } from '../app/action.tsx';
import type { BlockView } from '../app/api-types.ts';
import { duration } from '../app/format.ts';
import { useLive } from '../app/live.ts';
import { At, actionText, Card } from '../app/parts.tsx';
import { hrefOf, part } from '../app/router.ts';
import { session, whyNot } from '../app/session.ts';
import { Empty, Shown } from '../app/states.tsx';
import { Visible } from '../app/visible.tsx';
import type { Desk } from './desk.ts';
import { isBusy } from './known.ts';
import type { BlockStep, History } from './types.ts';

const lastsText = ({ at, expiresAt }: BlockStep): string =>
  duration(new Date(expiresAt).getTime() - new Date(at).getTime());

const texts: Readonly<Record<string, (step: BlockStep) => string>> = {
  made: ({ state }) => (state === 'proposed' ? 'proposed it' : 'made it'),
  confirm: () => 'confirmed it',
  activate: () => 'activated it',
  lift: ({ reasonCode }) => `lifted it${reasonCode === '' ? '' : ` as ${reasonCode.replace('-', ' ')}`}`,
  extend: (step) => `let it end ${lastsText(step)} from then`,
  'change-action': ({ action }) => `changed it: ${actionText(action)}`,
  assign: ({ assignee }) => (assignee === '' ? 'gave it back' : `assigned it to ${assignee}`),
  comment: () => 'said',
  undo: ({ state }) => `took the last step back: ${state} again`,
  superseded: () => 'put another block in its place',
};

/** What somebody did, after their name. */
export const stepText = (step: BlockStep): string => texts[step.kind]?.(step) ?? step.kind;

const Step = ({ step }: { readonly step: BlockStep }) => (
  <li class={`step ${step.kind}`}>
    <p>
      <strong>
        <Visible text={step.actor} />
      </strong>{' '}
      {stepText(step)}{' '}
      <span class="quiet">
        <At at={step.at} />
      </span>
      {step.batchId === '' ? null : (
        <>
          {' '}
          <a href={hrefOf('/batches', { id: step.batchId })}>with a batch</a>
        </>
      )}
    </p>
    {step.note === '' ? null : (
      <blockquote>
        <Visible text={step.note} isProse most={2000} />
      </blockquote>
    )}
  </li>
);

const undoable: readonly string[] = ['confirm', 'activate', 'lift', 'extend', 'change-action', 'assign'];

/** The last step, if it is a person's and can still be taken back. */
const lastOf = (steps: readonly BlockStep[]): BlockStep | null => {
  const last = steps.findLast(({ kind }) => kind !== 'comment');
  return last !== undefined && undoable.includes(last.kind) ? last : null;
};

const denied = (step: BlockStep): string | null =>
  whyNot('reviewer') ?? (step.actor === session.value?.name ? null : whyNot('lead'));

/** Who did what to it, newest first. */
export const HistoryCard = ({ block, desk }: { readonly block: BlockView; readonly desk: Desk }) => {
  const live = useLive<History>(`v1/blocks/${part(block.id)}/history`);
  const last = live.data === null ? null : lastOf(live.data.steps);
  const undo =
    last === null || last.version !== block.version ? null : (
      <ActionButton deniedBy={denied(last)} isBusy={isBusy(block.id)} onClick={() => desk.undo(block)}>
        Take the last step back
      </ActionButton>
    );
  return (
    <Card title="History" id="block-history" aside={undo}>
      <Shown what="the history" live={live}>
        {({ steps }) =>
          steps.length === 0 ? (
            <Empty title="Nothing is kept of it" />
          ) : (
            <ol class="history">
              {steps.toReversed().map((step, index) => (
                <Step key={steps.length - index} step={step} />
              ))}
            </ol>
          )
        }
      </Shown>
    </Card>
  );
};
