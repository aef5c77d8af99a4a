import type { Status } from './api-types.ts';
import { silentSince } from './connection.ts';
import { instant, relative } from './format.ts';
import { useNow } from './now.ts';
import { Ago } from './parts.tsx';
import { hrefOf } from './router.ts';
import { access, askAgain, session } from './session.ts';
import { useStatus } from './status.ts';

/** The API is gone: since when, and what that means for what is on the page. */
export const ConnectionBanner = () => {
  const now = useNow();
  const since = silentSince.value;
  return (
    <div role="alert">
      {since === null ? null : (
        <p class="banner bad">
          <strong>The API has not answered since {instant(since, now)}</strong> ({relative(since, now)}). What you see
          is of before then. What you type is kept, and the page goes on by itself when the API is back.
        </p>
      )}
    </div>
  );
};

const openBreakers = ({ abuse }: Status): string[] =>
  (abuse?.rules ?? [])
    .filter(({ breaker }) => breaker === 'open')
    .map(({ rule }) => (rule === '*' ? 'all rules together' : rule));

const SwitchBanners = ({ status }: { readonly status: Status }) => {
  const now = useNow();
  const off = Object.entries(status.abuse?.switchedOff ?? {}).filter(([, until]) => until !== null);
  return off.map(([what, until]) => (
    <p key={what} class="banner bad">
      <strong>All {what} are switched off</strong> in every gate until {instant(until, now)}.
    </p>
  ));
};

/** What everybody has to know who looks at any page: switches that are off, breakers that are open, a token that ends. */
export const StateBanners = () => {
  const { data } = useStatus();
  const open = data === null ? [] : openBreakers(data);
  return (
    <div role="status" class="banners">
      {data === null ? null : <SwitchBanners status={data} />}
      {open.length === 0 ? null : (
        <p class="banner warn">
          <strong>Over budget: {open.join(', ')}.</strong> What {open.length === 1 ? 'it finds' : 'they find'} is only
          proposed until somebody resets the breaker. <a href={hrefOf('/rules')}>To the rules</a>
        </p>
      )}
      <SessionBanner />
    </div>
  );
};

const soonMs = 5 * 60_000;

const SessionBanner = () => {
  const now = useNow();
  const endsAt = session.value?.expiresAt ?? null;
  if (access.value === 'later') {
    return (
      <p class="banner warn">
        <strong>Your token is no longer valid.</strong> This page is of before then.{' '}
        <button type="button" onClick={askAgain}>
          Sign in
        </button>
      </p>
    );
  }
  if (endsAt === null || new Date(endsAt).getTime() - now > soonMs) return null;
  return (
    <p class="banner warn">
      Your token ends <Ago at={endsAt} />. What you type is kept when you sign in again.
    </p>
  );
};
