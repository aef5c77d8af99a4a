import { signal } from '@preact/signals';
import type { Session } from './api-types.ts';
import { type Answer, type Ask, createClient, type Method, type Question } from './client.ts';
import { heard, onBack } from './connection.ts';
import { Problem } from './problem.ts';

const storedAt = 'tidegate.token';
const peopleRoles = ['viewer', 'reviewer', 'lead', 'admin'] as const;
export type Role = (typeof peopleRoles)[number];

/** Who is signed in; null: nobody yet. */
export const session = signal<Session | null>(null);

/**
 * `asking`: not known yet; `out`: a token is needed; `in`; `again`: the token is no longer valid, the page stays and asks
 * for another one; `later`: the same, but the person has put the question aside.
 */
export const access = signal<'asking' | 'out' | 'in' | 'again' | 'later'>('asking');

/** The token is no longer valid: nothing is asked in its name, or the API would take this tab for somebody who guesses. */
export const isShutOut = (): boolean => access.peek() !== 'in' && access.peek() !== 'asking';

let token = '';
let waiting: { readonly resolve: () => void; readonly reject: (reason: Problem) => void }[] = [];

const expired = (): Problem =>
  new Problem(401, { type: 'urn:tidegate:problem:unauthorized', title: 'Signed out', detail: 'Nobody is signed in.' });

/** A change waits until its author has signed in again; what is only read is asked for anew by itself. */
const refused = (method: Method): Promise<void> | null => {
  if (access.peek() === 'in' || (method !== 'GET' && access.peek() === 'later')) access.value = 'again';
  if (method === 'GET' || access.peek() !== 'again') return null;
  return new Promise((resolve, reject) => {
    waiting.push({ resolve, reject });
  });
};

/** Asks the API in the name of who is signed in. See createClient. */
export const ask: Ask = createClient({
  fetch: (input, init) => fetch(input, init),
  token: () => token,
  heard,
  refused,
});

/** The body of an answer to GET. */
export const get = async <T>(path: string, question: Question = {}): Promise<T> => (await ask<T>(path, question)).body;

/** Changes something; an Idempotency-Key goes along. */
export const send = <T>(method: Method, path: string, question: Question = {}): Promise<Answer<T>> =>
  ask<T>(path, { ...question, method });

const renewals = new Set<() => void>();
/** Runs when somebody has signed in. The answer takes the listener back. */
export const onSignedIn = (run: () => void): (() => void) => {
  renewals.add(run);
  return () => void renewals.delete(run);
};

const release = (isSamePerson: boolean): void => {
  const all = waiting;
  waiting = [];
  for (const { resolve, reject } of all) {
    if (isSamePerson) resolve();
    else reject(expired());
  }
};

const enter = (found: Session, used: string): void => {
  const before = session.peek();
  token = used;
  if (used !== '') sessionStorage.setItem(storedAt, used);
  session.value = found;
  access.value = 'in';
  release(before === null || before.name === found.name);
  for (const run of [...renewals]) run();
};

/** Tries a token out. Throws Problem 401 when it is none. */
export const signIn = async (tried: string): Promise<void> => {
  const trimmed = tried.trim();
  const { body } = await ask<Session>('v1/session', { token: trimmed });
  enter(body, trimmed);
};

/** Forgets the token and who it was. */
export const signOut = (): void => {
  token = '';
  sessionStorage.removeItem(storedAt);
  session.value = null;
  access.value = 'out';
  release(false);
};

/** Puts the question for a new token aside, and gives up what waits for it. */
export const askLater = (): void => {
  access.value = 'later';
  release(false);
};

/** Asks for a new token now. */
export const askAgain = (): void => {
  access.value = 'again';
};

const resume = async (): Promise<void> => {
  try {
    enter((await ask<Session>('v1/session', { token })).body, token);
  } catch (error) {
    // Silence: nobody knows yet. The banner says so, and it is tried again when the API is back.
    if (!(error instanceof Problem)) return;
    if (error.status === 401) sessionStorage.removeItem(storedAt);
    token = '';
    access.value = 'out';
  }
};

/** What follows # goes to no server, and is taken out of the address at once. */
const handedToken = (): string | null => {
  const handed = /^#token=(.+)$/.exec(location.hash)?.[1];
  if (handed === undefined) return null;
  history.replaceState(null, '', location.pathname);
  try {
    return decodeURIComponent(handed);
  } catch {
    return handed;
  }
};

/** Takes up the session of this tab, or the token that the address brings along. */
export const startSession = (): void => {
  const handed = handedToken();
  if (handed !== null) sessionStorage.setItem(storedAt, handed);
  token = sessionStorage.getItem(storedAt) ?? '';
  void resume();
  onBack(() => {
    if (access.peek() === 'asking') void resume();
  });
};

/** The most that who is signed in may: `limitOf('allowMs')`; 0: none of it. */
export const limitOf = (name: string): number => {
  const limit = session.value?.limits[name];
  return typeof limit === 'number' ? limit : 0;
};

const rank = (role: string): number => (peopleRoles as readonly string[]).indexOf(role);

export interface Need {
  /** Touches what tenants share: no token of some tenants alone may do it. */
  readonly isShared?: boolean;
}

/** Why who is signed in may not do what needs this role, in words for a button; null: he may. */
export const whyNot = (role: Role, { isShared = false }: Need = {}): string | null => {
  const who = session.value;
  if (who === null) return 'Sign in first.';
  if (rank(who.role) < rank(role)) return `This needs the role ${role}; you have ${who.role}.`;
  if (isShared && who.tenants !== null) return 'All tenants share this; your token is for some of them.';
  return null;
};
