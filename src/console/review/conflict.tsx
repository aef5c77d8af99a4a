import { Ago, StateChip } from '../app/parts.tsx';
import { nowMs } from '../app/time.ts';
import { Visible } from '../app/visible.tsx';
import { doneText, type Intent, stateDenies } from './acts.ts';
import type { Desk } from './desk.ts';
import { stepText } from './history.tsx';
import { attemptOf, type Conflict } from './perform.ts';

const intentOf = ({ attempt: { act } }: Conflict): Intent | null => {
  if (act.name === 'lift') return act.body.reason;
  return act.name === 'undo' ? null : act.name;
};

/** Somebody else was faster: what they did, and whether to do it all the same. */
export const ConflictBox = ({ conflict, desk }: { readonly conflict: Conflict; readonly desk: Desk }) => {
  const { attempt, block, steps } = conflict;
  const intent = intentOf(conflict);
  const denied = intent === null ? 'It cannot be taken back any more.' : stateDenies(intent, block);
  const leave = (): void => {
    desk.conflict.value = null;
    desk.closeForm();
  };
  const insist = (): void => {
    desk.conflict.value = null;
    void desk.insist(attemptOf(block, attempt.act));
  };
  return (
    <section class="conflict" role="alert" aria-label="Somebody else was faster">
      <p class="title">
        Not done: somebody else was faster. It is now <StateChip state={block.state} />
      </p>
      <ul>
        {steps.map((step) => (
          <li key={`${step.version} ${step.at}`}>
            <strong>{step.actor}</strong> {stepText(step)} <Ago at={step.at} />
            {step.note === '' ? null : (
              <blockquote>
                <Visible text={step.note} isProse most={2000} />
              </blockquote>
            )}
          </li>
        ))}
      </ul>
      {denied === null ? null : <p>{denied}</p>}
      <div class="buttons">
        <button type="button" onClick={leave}>
          Leave it so
        </button>
        {denied === null ? (
          <button type="button" class="danger" onClick={insist}>
            Do it all the same: {doneText(attempt.act, nowMs()).toLowerCase()}
          </button>
        ) : null}
      </div>
    </section>
  );
};
