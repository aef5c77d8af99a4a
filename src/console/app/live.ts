import { useEffect, useMemo } from 'preact/hooks';
import { onBack } from './connection.ts';
import { createResource, type Known, type Resource } from './resource.ts';
import { ask, isShutOut, onSignedIn } from './session.ts';
import { after, nowMs } from './time.ts';

const keptResources = 60;
const resources = new Map<string, Resource<unknown>>();

/** All that somebody looks at, now: after a change, when the page is looked at again, or the API is back. */
export const refreshAll = (): void => {
  if (isShutOut()) return;
  for (const resource of resources.values()) resource.refresh();
};

/** All that somebody looks at whose path begins so. */
export const refreshUnder = (path: string): void => {
  for (const [key, resource] of resources) if (key.includes(` ${path}`)) resource.refresh();
};

onBack(refreshAll);
onSignedIn(refreshAll);
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) refreshAll();
});

const resourceOf = <T>(path: string, everyMs: number, pathNow: () => string): Resource<T> => {
  const key = `${everyMs} ${path}`;
  const found = resources.get(key) as Resource<T> | undefined;
  if (found !== undefined) {
    // The last used stays longest.
    resources.delete(key);
    resources.set(key, found as Resource<unknown>);
    return found;
  }
  const isHidden = (): boolean => document.hidden || isShutOut();
  const made = createResource<T>({ ask: (signal) => ask<T>(pathNow(), { signal }), everyMs, nowMs, after, isHidden });
  resources.set(key, made as Resource<unknown>);
  for (const oldest of resources.keys()) {
    if (resources.size <= keptResources) break;
    resources.delete(oldest);
  }
  return made;
};

export interface Live<T> extends Known<T> {
  /** Asks now. */
  refresh(): void;
}

const none: Known<never> = { data: null, etag: null, loadedAtMs: null, failure: null, askedAtMs: null };
const doNothing = (): void => undefined;

/** Default pause between two questions, ms. */
export const usualPauseMs = 5000;

/**
 * What `GET path` answers, asked for again every `everyMs` (0: once) while the component is there and the page is looked
 * at. What was known stays, also over visits of other pages, when a later attempt fails. A null path asks for nothing.
 * `pathNow` makes the path that is really asked for, where it depends on the time: `path` is then a name for it.
 */
export const useLive = <T>(path: string | null, everyMs: number = usualPauseMs, pathNow?: () => string): Live<T> => {
  // Not of pathNow: paths of one name are made alike.
  const resource = useMemo(
    () => (path === null ? null : resourceOf<T>(path, everyMs, pathNow ?? (() => path))),
    [path, everyMs],
  );
  useEffect(() => resource?.watch(), [resource]);
  if (resource === null) return { ...none, refresh: doNothing };
  return { ...resource.known.value, refresh: resource.refresh };
};
