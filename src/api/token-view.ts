import { type Static, Type } from 'typebox';
import { grants } from '../review/roles.ts';
import type { IssuedToken, NewToken } from '../review/tokens.ts';
import { Instant, instantText } from './fields.ts';
import { TenantsSchema } from './session-routes.ts';

/** A token, without the token. */
export const TokenSchema = Type.Object({
  id: Type.String(),
  name: Type.String({ description: 'Recorded as who did it.' }),
  role: Type.Enum([...grants]),
  tenants: TenantsSchema,
  createdBy: Type.String(),
  createdAt: Instant,
  expiresAt: Instant,
  lastUsedAt: Type.Union([Instant, Type.Null()], { description: 'To within minutes; null: never.' }),
});
export type TokenView = Static<typeof TokenSchema>;

export const tokenView = (token: NewToken | IssuedToken): TokenView => {
  const lastUsedAtMs = 'lastUsedAtMs' in token ? token.lastUsedAtMs : null;
  return {
    id: token.id,
    name: token.name,
    role: token.role,
    tenants: token.tenants && [...token.tenants],
    createdBy: token.createdBy,
    createdAt: instantText(token.createdAtMs),
    expiresAt: instantText(token.expiresAtMs),
    lastUsedAt: lastUsedAtMs === null ? null : instantText(lastUsedAtMs),
  };
};
