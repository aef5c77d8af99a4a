import { useId, useState } from 'preact/hooks';
import { ActionButton } from '../app/action.tsx';
import { Dialog } from '../app/dialog.tsx';
import { plural, tenantsText } from '../app/format.ts';
import { refreshUnder, useLive } from '../app/live.ts';
import { Ago, At, Card, Chip } from '../app/parts.tsx';
import { type Failure, failureOf } from '../app/problem.ts';
import { part } from '../app/router.ts';
import { send, whyNot } from '../app/session.ts';
import { Empty, Shown } from '../app/states.tsx';
import { DataTable } from '../app/table.tsx';
import { toast } from '../app/toasts.tsx';
import { endOf, TermField } from '../app/until.tsx';
import { Visible } from '../app/visible.tsx';

interface Token {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly tenants: readonly string[] | null;
  readonly createdBy: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly lastUsedAt: string | null;
}

interface Made {
  readonly token: string;
  readonly about: Token;
}

const dayMs = 86_400_000;
const terms = [1, 7, 30, 90, 365].map((days) => days * dayMs);

const roleWords = {
  viewer: 'viewer: reads',
  reviewer: 'reviewer: decides on single blocks',
  lead: 'lead: all of reviewing, rules and breakers',
  admin: 'admin: switches and tokens, too',
  enforcer: 'enforcer: a machine that reads the block list',
  gate: 'gate: a machine that asks for decisions',
} as const;
type Grant = keyof typeof roleWords;
const grants = Object.keys(roleWords) as Grant[];

const copy = async (text: string): Promise<void> => {
  try {
    await navigator.clipboard.writeText(text);
    toast({ text: 'The token is in the clipboard.' });
  } catch {
    // Where the page is not served securely there is no clipboard: the field is there to be copied from.
    toast({ text: 'This browser does not let the page copy it: select it and copy it yourself.' });
  }
};

const MadeDialog = ({ made, onClose }: { readonly made: Made; readonly onClose: () => void }) => {
  const id = useId();
  return (
    <Dialog title={`A token for ${made.about.name}`} onClose={onClose}>
      <div class="form">
        <label for={id}>Copy it now: nobody can show it again</label>
        <input id={id} readOnly value={made.token} onFocus={(event) => event.currentTarget.select()} autofocus />
        <p class="quiet">
          {made.about.role} of {tenantsText(made.about.tenants)}, until <At at={made.about.expiresAt} />.
        </p>
        <div class="buttons">
          <button type="button" class="primary" onClick={() => void copy(made.token)}>
            Copy
          </button>
          <button type="button" onClick={onClose}>
            I have it
          </button>
        </div>
      </div>
    </Dialog>
  );
};

interface MakeProps {
  readonly onClose: () => void;
  readonly onMade: (made: Made) => void;
}

const tenantsFrom = (text: string): readonly string[] | null => {
  const names = text.split(/[\s,]+/).filter((name) => name !== '');
  return names.length === 0 ? null : names;
};

const MakeDialog = ({ onClose, onMade }: MakeProps) => {
  const [name, setName] = useState('');
  const [role, setRole] = useState<Grant>('viewer');
  const [tenants, setTenants] = useState('');
  const [termMs, setTermMs] = useState(30 * dayMs);
  const [failure, setFailure] = useState<Failure | null>(null);
  const id = useId();
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    try {
      const request = { name: name.trim(), role, tenants: tenantsFrom(tenants), expiresAt: endOf(termMs) };
      const { body } = await send<Made>('POST', 'v1/tokens', { body: request });
      refreshUnder('v1/tokens');
      onMade(body);
    } catch (error) {
      setFailure(failureOf(error));
    }
  };
  return (
    <Dialog title="Make a token" onClose={onClose}>
      <form class="form" onSubmit={submit}>
        <label for={`${id}-name`}>For whom</label>
        <input
          id={`${id}-name`}
          required
          autofocus
          maxLength={64}
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <div class="fields">
          <div>
            <label for={`${id}-role`}>Role</label>
            <select
              id={`${id}-role`}
              value={role}
              onChange={(event) => setRole(grants.find((each) => each === event.currentTarget.value) ?? 'viewer')}
            >
              {grants.map((each) => (
                <option key={each} value={each}>
                  {roleWords[each]}
                </option>
              ))}
            </select>
          </div>
          <TermField label="Ends in" terms={terms} value={termMs} onChange={setTermMs} />
        </div>
        <label for={`${id}-tenants`}>Tenants</label>
        <input
          id={`${id}-tenants`}
          placeholder="all; or some, separated by commas"
          value={tenants}
          onInput={(event) => setTenants(event.currentTarget.value)}
        />
        {failure === null ? null : (
          <p class="form-failure" role="alert">
            {failure.message}
          </p>
        )}
        <div class="buttons">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary">
            Make it
          </button>
        </div>
      </form>
    </Dialog>
  );
};

const RevokeDialog = ({ token, onClose }: { readonly token: Token; readonly onClose: () => void }) => {
  const [failure, setFailure] = useState<Failure | null>(null);
  const revoke = async (): Promise<void> => {
    try {
      await send('DELETE', `v1/tokens/${part(token.id)}`);
      toast({ text: `The token of ${token.name} is refused from now on.` });
      refreshUnder('v1/tokens');
      onClose();
    } catch (error) {
      setFailure(failureOf(error));
    }
  };
  return (
    <Dialog title={`Revoke the token of ${token.name}`} onClose={onClose}>
      <div class="form">
        <p>Every process refuses it within two seconds. It cannot be taken back; a new one can be made.</p>
        {failure === null ? null : (
          <p class="form-failure" role="alert">
            {failure.message}
          </p>
        )}
        <div class="buttons">
          <button type="button" onClick={onClose} autofocus>
            Keep it
          </button>
          <button type="button" class="danger" onClick={() => void revoke()}>
            Revoke it
          </button>
        </div>
      </div>
    </Dialog>
  );
};

const TokenTable = ({
  tokens,
  onRevoke,
}: {
  readonly tokens: readonly Token[];
  readonly onRevoke: (token: Token) => void;
}) => (
  <DataTable<Token>
    caption="Tokens, newest first"
    rows={tokens}
    rowKey={({ id }) => id}
    columns={[
      {
        head: 'who',
        isMain: true,
        cell: ({ name, id }) => (
          <>
            <Visible text={name} />
            <div class="quiet small">
              <code>{id}</code>
            </div>
          </>
        ),
      },
      { head: 'role', cell: ({ role }) => <Chip>{role}</Chip> },
      { head: 'tenants', cell: ({ tenants }) => tenantsText(tenants) },
      { head: 'ends', cell: ({ expiresAt }) => <Ago at={expiresAt} /> },
      { head: 'last used', cell: ({ lastUsedAt }) => (lastUsedAt === null ? 'never' : <Ago at={lastUsedAt} />) },
      {
        head: 'made',
        cell: ({ createdAt, createdBy }) => (
          <>
            <Ago at={createdAt} /> <span class="quiet">by {createdBy}</span>
          </>
        ),
      },
      {
        head: 'what to do',
        isActions: true,
        cell: (token) => (
          <ActionButton tone="danger" label={`Revoke the token of ${token.name}`} onClick={() => onRevoke(token)}>
            Revoke
          </ActionButton>
        ),
      },
    ]}
  />
);

const TokenList = ({ onRevoke }: { readonly onRevoke: (token: Token) => void }) => {
  const live = useLive<{ readonly tokens: readonly Token[] }>('v1/tokens', 15_000);
  return (
    <Card title={live.data === null ? 'Tokens' : plural(live.data.tokens.length, 'token')} id="tokens">
      <Shown what="tokens" live={live}>
        {({ tokens }) =>
          tokens.length === 0 ? (
            <Empty title="None was made here">
              Those of the setting <code>apiTokens</code> are not listed: they have no end and cannot be revoked.
            </Empty>
          ) : (
            <TokenTable tokens={tokens} onRevoke={onRevoke} />
          )
        }
      </Shown>
    </Card>
  );
};

/** Who may use this API: made, listed and revoked by admins. */
export const TokensPage = () => {
  const [isMaking, setMaking] = useState(false);
  const [made, setMade] = useState<Made | null>(null);
  const [revoking, setRevoking] = useState<Token | null>(null);
  const denied = whyNot('admin', { isShared: true });
  return (
    <>
      <div class="page-head">
        <div>
          <h1 tabIndex={-1}>Tokens</h1>
          <p>What people and machines sign in with. Only a hash of each is kept.</p>
        </div>
        <ActionButton tone="primary" deniedBy={denied} onClick={() => setMaking(true)}>
          Make a token
        </ActionButton>
      </div>
      {denied === null ? <TokenList onRevoke={setRevoking} /> : <Empty title="Tokens are for admins">{denied}</Empty>}
      {isMaking ? (
        <MakeDialog
          onClose={() => setMaking(false)}
          onMade={(done) => {
            setMaking(false);
            setMade(done);
          }}
        />
      ) : null}
      {made === null ? null : <MadeDialog made={made} onClose={() => setMade(null)} />}
      {revoking === null ? null : <RevokeDialog token={revoking} onClose={() => setRevoking(null)} />}
    </>
  );
};
