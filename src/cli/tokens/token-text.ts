import type { IssuedToken } from '../../review/tokens.ts';
import { columns } from '../columns.ts';
import type { ListSession } from '../list-session.ts';
import { agoText, plainText, untilText } from '../time-text.ts';

export const tenantsText = ({ tenants }: Pick<IssuedToken, 'tenants'>): string =>
  tenants === null ? 'all tenants' : `tenants ${tenants.map(plainText).join(', ')}`;

/** One line for each. */
export const tokenTable = (tokens: readonly IssuedToken[], { nowMs, paint }: Pick<ListSession, 'nowMs' | 'paint'>) =>
  columns(
    tokens.map((token) => [
      paint.strong(token.id),
      plainText(token.name),
      token.role,
      tenantsText(token),
      token.expiresAtMs > nowMs ? `until ${untilText(token.expiresAtMs, nowMs)}` : paint.bad('ended'),
      token.lastUsedAtMs === null ? 'never used' : `used ${agoText(token.lastUsedAtMs, nowMs)}`,
      `made by ${plainText(token.createdBy)}`,
    ]),
  );
