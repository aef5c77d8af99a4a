import { longestMs } from '../blocklist/checks.ts';
import { type Grant, type Role, roles } from './roles.ts';

const dayMs = 86_400_000;

/** What a role may do beyond reading. The routes, `GET /v1/session` and the guide all say what stands here. */
export interface RoleLimits {
  /** Blocks that one change may be about; 0: this role changes nothing. */
  readonly blocksAtOnce: number;
  /** How far ahead the end may lie of what it blocks, lets stay or activates. */
  readonly blockMs: number;
  /** The same where a second person of such a role agrees; 0: not at all. */
  readonly blockWithSecondMs: number;
  /** How far ahead the end of an allow entry may lie. */
  readonly allowMs: number;
  /** How long a lift may keep detectors away. */
  readonly tombstoneMs: number;
  /** The widest networks that it may block, slow down or let in, as prefix lengths. */
  readonly widestV4: number;
  readonly widestV6: number;
  readonly mayAllowNetworks: boolean;
  /** Lift the block that stands for an imported list. */
  readonly mayLiftLists: boolean;
  /** Take back what somebody else did; one's own anybody may who could do it. */
  readonly mayUndoOthers: boolean;
  /** Agree to what needs two people. */
  readonly mayApprove: boolean;
  readonly maySetRuleModes: boolean;
  readonly mayResetBreakers: boolean;
  /** Switch blocks or limits off in all gates. */
  readonly maySwitch: boolean;
  readonly mayIssueTokens: boolean;
  readonly mayImportLists: boolean;
}

const nothing: RoleLimits = {
  blocksAtOnce: 0,
  blockMs: 0,
  blockWithSecondMs: 0,
  allowMs: 0,
  tombstoneMs: 0,
  widestV4: 32,
  widestV6: 64,
  mayAllowNetworks: false,
  mayLiftLists: false,
  mayUndoOthers: false,
  mayApprove: false,
  maySetRuleModes: false,
  mayResetBreakers: false,
  maySwitch: false,
  mayIssueTokens: false,
  mayImportLists: false,
};

const reviewer: RoleLimits = {
  ...nothing,
  blocksAtOnce: 100,
  blockMs: 7 * dayMs,
  allowMs: 7 * dayMs,
  tombstoneMs: 7 * dayMs,
  widestV4: 24,
  widestV6: 56,
};

/** Networks that are wider than these nobody can name: the block list refuses them. */
const widest = { widestV4: 0, widestV6: 0 } as const;

const lead: RoleLimits = {
  ...reviewer,
  ...widest,
  blocksAtOnce: 10_000,
  blockMs: 90 * dayMs,
  blockWithSecondMs: longestMs,
  allowMs: longestMs,
  tombstoneMs: longestMs,
  mayAllowNetworks: true,
  mayLiftLists: true,
  mayUndoOthers: true,
  mayApprove: true,
  maySetRuleModes: true,
  mayResetBreakers: true,
};

export const roleLimits: Readonly<Record<Role, RoleLimits>> = {
  viewer: nothing,
  reviewer,
  lead,
  admin: { ...lead, maySwitch: true, mayIssueTokens: true, mayImportLists: true },
};

/** Most blocks that any change may be about. */
export const mostAtOnce = roleLimits.admin.blocksAtOnce;

/** What whoever asks may do. Machines change nothing here. */
export const limitsOf = (grant: Grant): RoleLimits => {
  const role = roles.find((known) => known === grant);
  return role === undefined ? nothing : roleLimits[role];
};

/** The least role whose limits allow it; null: none does. */
export const leastRole = (allows: (limits: RoleLimits) => boolean): Role | null =>
  roles.find((role) => allows(roleLimits[role])) ?? null;
