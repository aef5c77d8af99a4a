import { Announcements } from './announce.tsx';
import { ConnectionBanner } from './banners.tsx';
import { HelpOverlay } from './help.tsx';
import { Shell, TopBar } from './layout.tsx';
import { access } from './session.ts';
import { SignIn, SignInAgain } from './sign-in.tsx';
import { Loading } from './states.tsx';
import { nowMs } from './time.ts';
import { Toasts } from './toasts.tsx';

const Waiting = ({ sinceMs }: { readonly sinceMs: number }) => (
  <main id="main" class="sign-in">
    <Loading what="your session" sinceMs={sinceMs} />
  </main>
);

const startedAtMs = nowMs();

/** Everything: who is not signed in sees no page, and who no longer is keeps his. */
export const App = () => {
  const state = access.value;
  const isInside = state === 'in' || state === 'again' || state === 'later';
  return (
    <>
      {isInside ? (
        <Shell />
      ) : (
        <>
          <TopBar />
          <ConnectionBanner />
          {state === 'asking' ? <Waiting sinceMs={startedAtMs} /> : <SignIn />}
        </>
      )}
      <SignInAgain />
      <HelpOverlay />
      <Toasts />
      <Announcements />
    </>
  );
};
