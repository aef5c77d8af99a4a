import { useId, useState } from 'preact/hooks';
import { Dialog } from './dialog.tsx';
import { type Failure, failureOf, Problem } from './problem.ts';
import { access, askLater, session, signIn, signOut } from './session.ts';

const wordsOf = (failure: Failure): string =>
  failure instanceof Problem && failure.status === 401
    ? `This token is not valid. ${failure.message}`
    : failure.message;

const TokenForm = ({ verb }: { readonly verb: string }) => {
  const [token, setToken] = useState('');
  const [failure, setFailure] = useState<Failure | null>(null);
  const [isBusy, setBusy] = useState(false);
  const id = useId();
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setFailure(null);
    try {
      await signIn(token);
    } catch (error) {
      setFailure(failureOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="form" onSubmit={submit}>
      <label for={id}>Token</label>
      <input
        id={id}
        type="password"
        autofocus
        autocomplete="current-password"
        spellcheck={false}
        required
        value={token}
        aria-invalid={failure !== null}
        aria-describedby={`${id}-help`}
        onInput={(event) => setToken(event.currentTarget.value)}
      />
      <p id={`${id}-help`} class="quiet">
        An API token, or a bearer token of your identity provider. It stays in this tab.
      </p>
      {failure === null ? null : (
        <p class="form-failure" role="alert">
          {wordsOf(failure)}
        </p>
      )}
      <div class="buttons">
        <button type="submit" class="primary" aria-busy={isBusy}>
          {isBusy ? 'Signing in…' : verb}
        </button>
      </div>
    </form>
  );
};

/** In place of the pages. */
export const SignIn = () => (
  <main id="main" class="sign-in">
    <section class="card" aria-labelledby="sign-in-title">
      <h1 id="sign-in-title" tabIndex={-1}>
        Sign in
      </h1>
      <p class="quiet">What gates decide, whom they block and why is for people with a token.</p>
      <TokenForm verb="Sign in" />
      <details>
        <summary>Where do I get one?</summary>
        <p>
          Whoever runs this API gives it out: <code>tidegate tokens create --name anna --role reviewer</code>, or the
          setting <code>apiTokens</code>. A process started in a terminal without any prints a link that signs you in.
        </p>
      </details>
    </section>
  </main>
);

/** Over the page: what is on it and what was typed stays. */
export const SignInAgain = () =>
  access.value === 'again' ? (
    <Dialog title="Your token is no longer valid" onClose={askLater}>
      <p>
        {session.value === null ? 'Sign in' : `${session.value.name}, sign in`} again to go on. What you typed is still
        there, and what you were about to do is done then.
      </p>
      <TokenForm verb="Go on" />
      <p>
        <button type="button" class="quiet" onClick={signOut}>
          Sign out instead
        </button>
      </p>
    </Dialog>
  ) : null;
