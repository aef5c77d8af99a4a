import { useEffect, useState } from 'preact/hooks';
import type { Batch, Tally } from '../app/api-types.ts';
import { number, plural } from '../app/format.ts';
import { Chip, type Tone } from '../app/parts.tsx';
import { hrefOf, part } from '../app/router.ts';
import { Visible } from '../app/visible.tsx';
import { follow, isAtWork } from './bulk.ts';

const tones: Readonly<Record<Batch['state'], Tone>> = {
  running: 'info',
  undoing: 'info',
  done: 'good',
  interrupted: 'warn',
  undone: 'plain',
};

export const BatchChip = ({ batch }: { readonly batch: Batch }) => (
  <Chip tone={tones[batch.state] ?? 'plain'}>{batch.state}</Chip>
);

/** The batch as it is by now, while it is at work. */
export const useBatch = (given: Batch): [batch: Batch, set: (batch: Batch) => void] => {
  const [batch, setBatch] = useState(given);
  const isRunning = isAtWork(batch);
  useEffect(() => follow(batch, setBatch), [batch.batchId, isRunning]);
  return [batch, setBatch];
};

const Failures = ({ tally, what }: { readonly tally: Tally; readonly what: string }) =>
  tally.failedCount === 0 ? null : (
    <details class="failures" open={tally.failedCount <= 5}>
      <summary>
        {plural(tally.failedCount, 'block')} {what}
      </summary>
      <ul>
        {tally.failed.map(({ id, code, detail }) => (
          <li key={id}>
            <a href={hrefOf(`/blocks/${part(id)}`)}>
              <code>{id}</code>
            </a>{' '}
            {code === 'changed-since' ? 'somebody has touched it since. ' : ''}
            <Visible text={detail} most={400} />
          </li>
        ))}
      </ul>
    </details>
  );

const pastTexts: Readonly<Record<string, string>> = {
  confirm: 'confirmed',
  activate: 'activated',
  lift: 'lifted',
  extend: 'given another end',
  downgrade: 'given another action',
  assign: 'assigned',
};

/** How far it has come, and what it did not work for. */
export const BatchResult = ({ batch }: { readonly batch: Batch }) => {
  const tally = batch.undo ?? batch;
  const through = tally.done + tally.failedCount;
  const whole = batch.undo === null ? batch.total : batch.done;
  return (
    <div class="batch-result" role="status">
      {isAtWork(batch) ? (
        <label class="progress">
          {batch.state === 'undoing' ? 'Taking back' : 'Working'}: {number(through)} of {number(whole)}
          <progress max={Math.max(1, whole)} value={through} />
        </label>
      ) : null}
      <p>
        <BatchChip batch={batch} />{' '}
        <b>
          {number(batch.done)} of {plural(batch.total, 'block')} {pastTexts[batch.act] ?? batch.act}
        </b>
        {batch.undo === null ? '' : `; ${number(batch.undo.done)} taken back by ${batch.undo.by}`}.
        {batch.state === 'interrupted'
          ? ' The process that was at it is gone: what it did stays, and can be taken back.'
          : ''}
      </p>
      <Failures tally={batch} what="not changed" />
      {batch.undo === null ? null : <Failures tally={batch.undo} what="not taken back" />}
    </div>
  );
};
