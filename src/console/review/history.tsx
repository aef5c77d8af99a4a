import { duration } from '../app/format.ts';
import { useLive } from '../app/live.ts';
import { At, actionText, Card } from '../app/parts.tsx';
import { hrefOf, part } from '../app/router.ts';
import { Empty, Shown } from '../app/states.tsx';
import { Visible } from '../app/visible.tsx';
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

/** Who did what to it, newest first. */
export const HistoryCard = ({ blockId }: { readonly blockId: string }) => {
  const live = useLive<History>(`v1/blocks/${part(blockId)}/history`);
  return (
    <Card title="History" id="block-history">
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
