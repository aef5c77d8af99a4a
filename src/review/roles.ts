/** What people may do, from least to most; each may do what the ones before it may. */
export const roles = ['viewer', 'reviewer', 'lead', 'admin'] as const;
export type Role = (typeof roles)[number];

/** `enforcer` reads the list to enforce it elsewhere, `gate` asks for decisions: for machines, and nothing else. */
export const grants = ['enforcer', 'gate', ...roles] as const;
export type Grant = (typeof grants)[number];

/** Who asks, as a token says. */
export interface Reviewer {
  /** Recorded as who did it. */
  readonly name: string;
  readonly role: Grant;
  /** Which tenants' data is in reach; null: all. Who has some tenants only changes nothing that others share. */
  readonly tenants: readonly string[] | null;
}

const ranked: readonly Grant[] = roles;
const rank = (grant: Grant): number => ranked.indexOf(grant);

/** Whether this role may do what needs at least that one. Machines may do their own thing alone; an admin may all of it. */
export const mayDo = (role: Grant, needed: Grant): boolean =>
  role === needed || (rank(role) >= 0 && (rank(needed) >= 0 ? rank(role) >= rank(needed) : role === 'admin'));
