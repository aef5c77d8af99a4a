import { useState } from 'preact/hooks';
import { ActionButton } from '../app/action.tsx';
import type { Action } from '../app/api-types.ts';
import { refreshUnder, useLive } from '../app/live.ts';
import { NoteDialog } from '../app/note-dialog.tsx';
import { Ago, At, actionText, Card, Chip, type Tone } from '../app/parts.tsx';
import { hrefOf, part } from '../app/router.ts';
import { send, session, whyNot } from '../app/session.ts';
import { Empty, Shown } from '../app/states.tsx';
import { DataTable } from '../app/table.tsx';
import { toast } from '../app/toasts.tsx';
import { Visible } from '../app/visible.tsx';

interface Approval {
  readonly id: string;
  readonly what: {
    readonly kind: 'create' | 'extend';
    readonly subject: string;
    readonly blockId: string | null;
    readonly action: Action;
    readonly until: string | null;
    readonly reason: string;
    readonly note: string;
  };
  readonly by: string;
  readonly at: string;
  readonly expiresAt: string;
  readonly state: 'open' | 'approved' | 'rejected' | 'expired';
  readonly decidedBy: string;
  readonly decidedAt: string | null;
  readonly decisionNote: string;
  readonly blockId: string | null;
  readonly problem: string;
}

type Verdict = 'approve' | 'reject';

const tones: Readonly<Record<Approval['state'], Tone>> = {
  open: 'warn',
  approved: 'good',
  rejected: 'plain',
  expired: 'plain',
};

const Until = ({ until }: { readonly until: string | null }) =>
  until === null ? <>as long as anything may</> : <At at={until} />;

const What = ({ approval }: { readonly approval: Approval }) => {
  const { kind, subject, action, note } = approval.what;
  return (
    <>
      {kind === 'create' ? 'block ' : 'extend '}
      <a href={hrefOf(`/clients/${part(subject)}`)}>
        <code>
          <Visible text={subject} />
        </code>
      </a>
      <div class="quiet small">
        {actionText(action)}: <Visible text={note} />
      </div>
    </>
  );
};

const Outcome = ({ approval }: { readonly approval: Approval }) => {
  const { state, decidedBy, decidedAt, decisionNote, problem, blockId, expiresAt } = approval;
  return (
    <>
      <Chip tone={tones[state]}>{state}</Chip>{' '}
      {state === 'open' ? (
        <span class="quiet small">
          ends <Ago at={expiresAt} />
        </span>
      ) : null}
      {decidedAt === null ? null : (
        <div class="small">
          {decidedBy} <Ago at={decidedAt} />: <Visible text={decisionNote} />
        </div>
      )}
      {problem === '' ? null : <div class="small">Nothing came of it: {problem}</div>}
      {blockId === null ? null : <a href={hrefOf(`/blocks/${part(blockId)}`)}>the block</a>}
    </>
  );
};

const deniedBy = ({ by, state }: Approval): string | null => {
  if (state !== 'open') return `It is ${state}.`;
  if (by === session.value?.name) return 'You asked for it: somebody else has to decide.';
  return whyNot('lead');
};

interface TableProps {
  readonly approvals: readonly Approval[];
  readonly onDecide: (approval: Approval, verdict: Verdict) => void;
}

const ApprovalTable = ({ approvals, onDecide }: TableProps) => (
  <DataTable<Approval>
    caption="What waits for a second person, and what became of the others"
    rows={approvals}
    rowKey={({ id }) => id}
    columns={[
      { head: 'what', isMain: true, cell: (approval) => <What approval={approval} /> },
      { head: 'until', cell: ({ what }) => <Until until={what.until} /> },
      {
        head: 'asked by',
        cell: ({ by, at }) => (
          <>
            {by}{' '}
            <span class="quiet">
              <Ago at={at} />
            </span>
          </>
        ),
      },
      { head: 'state', cell: (approval) => <Outcome approval={approval} /> },
      {
        head: 'what to do',
        isActions: true,
        cell: (approval) =>
          approval.state !== 'open' ? null : (
            <>
              <ActionButton
                tone="primary"
                deniedBy={deniedBy(approval)}
                label={`Approve for ${approval.what.subject}`}
                onClick={() => onDecide(approval, 'approve')}
              >
                Approve
              </ActionButton>
              <ActionButton
                deniedBy={deniedBy(approval)}
                label={`Reject for ${approval.what.subject}`}
                onClick={() => onDecide(approval, 'reject')}
              >
                Reject
              </ActionButton>
            </>
          ),
      },
    ]}
  />
);

interface Deciding {
  readonly approval: Approval;
  readonly verdict: Verdict;
}

const DecideDialog = ({ deciding, onClose }: { readonly deciding: Deciding; readonly onClose: () => void }) => {
  const { approval, verdict } = deciding;
  return (
    <NoteDialog
      title={verdict === 'approve' ? `Agree with ${approval.by}` : `Say no to ${approval.by}`}
      verb={verdict === 'approve' ? 'Approve' : 'Reject'}
      draft={`approval.${approval.id}`}
      onClose={onClose}
      onSubmit={async (note) => {
        await send('POST', `v1/approvals/${part(approval.id)}/${verdict}`, { body: { note } });
        toast({ text: verdict === 'approve' ? 'Agreed: it is done.' : 'Rejected: nothing is done.' });
        refreshUnder('v1/approvals');
      }}
    >
      <p>
        <What approval={approval} />
      </p>
    </NoteDialog>
  );
};

/** What one person may not do alone. */
export const ApprovalsPage = () => {
  const live = useLive<{ readonly approvals: readonly Approval[] }>('v1/approvals');
  const [deciding, decide] = useState<Deciding | null>(null);
  return (
    <>
      <div class="page-head">
        <div>
          <h1 tabIndex={-1}>Approvals</h1>
          <p>What lasts very long takes two people. Who asked cannot agree; after a day it has expired.</p>
        </div>
      </div>
      <Card title="Waiting and decided" id="approvals">
        <Shown what="approvals" live={live}>
          {({ approvals }) =>
            approvals.length === 0 ? (
              <Empty title="Nothing waits for a second person" />
            ) : (
              <ApprovalTable approvals={approvals} onDecide={(approval, verdict) => decide({ approval, verdict })} />
            )
          }
        </Shown>
      </Card>
      {deciding === null ? null : <DecideDialog deciding={deciding} onClose={() => decide(null)} />}
    </>
  );
};
