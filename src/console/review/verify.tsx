import { useState } from 'preact/hooks';
import type { BlockView } from '../app/api-types.ts';
import { number } from '../app/format.ts';
import { Card, Chip, type Tone } from '../app/parts.tsx';
import { type Failure, failureOf } from '../app/problem.ts';
import { part } from '../app/router.ts';
import { get } from '../app/session.ts';
import { FailureBox, Loading } from '../app/states.tsx';
import { DataTable } from '../app/table.tsx';
import { nowMs } from '../app/time.ts';
import { CopyButton } from './copy.tsx';
import type { StoredQuery, Verification } from './types.ts';

const verifyTimeoutMs = 60_000;

const results: Readonly<Record<Verification['result'], { readonly tone: Tone; readonly text: string }>> = {
  match: { tone: 'good', text: 'The stored decisions give the same numbers again.' },
  mismatch: { tone: 'bad', text: 'The stored decisions give other numbers.' },
  unverifiable: { tone: 'warn', text: 'It cannot be verified.' },
};

interface Row {
  readonly name: string;
  readonly expected: unknown;
  readonly found: unknown;
}

const shown = (value: unknown): string => {
  if (typeof value === 'number') return number(value);
  if (value === undefined || value === null) return '—';
  return typeof value === 'string' ? value : JSON.stringify(value);
};

const rowsOf = ({ expected, found }: Verification): Row[] => {
  const names = new Set([...Object.keys(expected ?? {}), ...Object.keys(found ?? {})]);
  return [...names].map((name) => ({ name, expected: expected?.[name], found: found?.[name] }));
};

const isOff = ({ expected, found }: Row): boolean =>
  found !== undefined && JSON.stringify(expected) !== JSON.stringify(found);

const Result = ({ verification }: { readonly verification: Verification }) => {
  const { tone, text } = results[verification.result];
  const rows = rowsOf(verification);
  return (
    <div class="verification" role="status">
      <p>
        <Chip tone={tone}>{verification.result}</Chip> {text} {verification.reason}
      </p>
      {verification.found === null ? null : (
        <DataTable
          caption="The evidence as the block keeps it, and as the database gives it now"
          rows={rows}
          rowKey={({ name }) => name}
          rowClass={(row) => (isOff(row) ? 'off' : '')}
          columns={[
            { head: 'Number', isMain: true, cell: ({ name }) => name },
            { head: 'In the block', isNumber: true, cell: ({ expected }) => shown(expected) },
            {
              head: 'In the database',
              isNumber: true,
              cell: (row) => (isOff(row) ? <b>≠ {shown(row.found)}</b> : shown(row.found)),
            },
          ]}
        />
      )}
    </div>
  );
};

const Query = ({ query }: { readonly query: StoredQuery }) => {
  const params = JSON.stringify(query.params, null, 2);
  return (
    <details>
      <summary>The question to the database</summary>
      <pre class="code">{query.sql}</pre>
      <p class="quiet small">Parameters</p>
      <pre class="code">{params}</pre>
      <div class="buttons">
        <CopyButton text={query.sql} what="SQL" />
        <CopyButton text={params} what="parameters" />
      </div>
    </details>
  );
};

/** Asks the database whether the evidence still stands. */
export const VerifyCard = ({ block }: { readonly block: BlockView }) => {
  const [verification, setVerification] = useState<Verification | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [askedAtMs, setAsked] = useState<number | null>(null);
  const verify = async (): Promise<void> => {
    setAsked(nowMs());
    setFailure(null);
    try {
      const path = `v1/blocks/${part(block.id)}/verify`;
      setVerification(await get<Verification>(path, { timeoutMs: verifyTimeoutMs }));
    } catch (error) {
      setFailure(failureOf(error));
    } finally {
      setAsked(null);
    }
  };
  const query = verification?.query ?? block.query ?? null;
  if (block.evidence === null) return null;
  return (
    <Card
      title="Verify"
      id="block-verify"
      aside={
        <button
          type="button"
          aria-busy={askedAtMs !== null}
          onClick={() => (askedAtMs === null ? void verify() : undefined)}
        >
          {verification === null ? 'Count again' : 'Count once more'}
        </button>
      }
    >
      {askedAtMs === null ? null : <Loading what="the stored decisions" sinceMs={askedAtMs} />}
      {failure === null ? null : <FailureBox what="Verifying" failure={failure} />}
      {verification === null ? (
        <p class="quiet">Counts the stored decisions again, and compares with what the block rests on.</p>
      ) : (
        <Result verification={verification} />
      )}
      {query === null ? null : <Query query={query} />}
    </Card>
  );
};
