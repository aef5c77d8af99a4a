import type { ComponentChildren } from 'preact';
import { duration, instant } from './format.ts';
import type { Live } from './live.ts';
import { useNow } from './now.ts';
import { type Failure, Problem } from './problem.ts';

/** Something is being asked for, and since when. */
export const Loading = ({ what, sinceMs }: { readonly what: string; readonly sinceMs: number | null }) => {
  const elapsedMs = useNow() - (sinceMs ?? Number.POSITIVE_INFINITY);
  return (
    <p class="loading" aria-busy="true">
      <span class="spinner" aria-hidden="true" />
      Loading {what}…{elapsedMs > 1500 ? ` ${Math.round(elapsedMs / 1000)} s` : ''}
    </p>
  );
};

/** There is none, and what that means or how to get one. */
export const Empty = ({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) => (
  <div class="empty">
    <p class="title">{title}</p>
    {children ? <div class="quiet">{children}</div> : null}
  </div>
);

const failureTitle = (failure: Failure, what: string): string => {
  if (!(failure instanceof Problem)) return `${what}: the API does not answer`;
  return `${what}: ${failure.title}`;
};

export interface FailureProps {
  readonly what: string;
  readonly failure: Failure;
  readonly onRetry?: () => void;
}

export const FailureBox = ({ what, failure, onRetry }: FailureProps) => (
  <div class="failure" role="alert">
    <p class="title">{failureTitle(failure, what)}</p>
    {failure instanceof Problem ? <p>{failure.message}</p> : <p>This page asks again by itself.</p>}
    {failure instanceof Problem && failure.fields.length > 0 ? (
      <ul>
        {failure.fields.map(({ path, message }) => (
          <li key={path}>
            <code>{path}</code> {message}
          </li>
        ))}
      </ul>
    ) : null}
    {onRetry ? (
      <button type="button" onClick={onRetry}>
        Try again
      </button>
    ) : null}
  </div>
);

const StaleNote = ({ what, failure, loadedAtMs }: { what: string; failure: Failure; loadedAtMs: number }) => {
  const now = useNow();
  return (
    <p class="stale-note" role="status">
      {what} as of {instant(loadedAtMs, now)}, {duration(now - loadedAtMs)} ago. {failure.message}
    </p>
  );
};

export interface ShownProps<T> {
  /** `blocks`, `the policies`: as part of a sentence. */
  readonly what: string;
  readonly live: Live<T>;
  readonly children: (data: T) => ComponentChildren;
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/**
 * What a question to the API has come to: the data; the data of before and what is wrong now; that it is being loaded, and
 * for how long; or what is wrong.
 */
export const Shown = <T,>({ what, live, children }: ShownProps<T>) => {
  const { data, failure, loadedAtMs, askedAtMs, refresh } = live;
  if (data === null) {
    if (failure instanceof Problem && failure.status === 403) {
      return <Empty title="Not for your token">{failure.message}</Empty>;
    }
    if (failure !== null) return <FailureBox what={capital(what)} failure={failure} onRetry={refresh} />;
    return <Loading what={what} sinceMs={askedAtMs} />;
  }
  const isStale = failure !== null;
  return (
    <div class={isStale ? 'shown stale' : 'shown'}>
      {failure !== null && loadedAtMs !== null ? (
        <StaleNote what={capital(what)} failure={failure} loadedAtMs={loadedAtMs} />
      ) : null}
      {children(data)}
    </div>
  );
};
