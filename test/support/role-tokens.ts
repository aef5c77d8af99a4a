import { type Authenticator, unknownToken } from '../../src/api/authenticator.ts';
import { grants, type Reviewer } from '../../src/review/roles.ts';

/** A token that says by itself who holds it: for tests of what they may do. */
const tokenOf = ({ name, role, tenants }: Reviewer): string =>
  `test.${Buffer.from(JSON.stringify([name, role, tenants])).toString('base64url')}`;

/** The header of somebody's requests. */
export const signedIn = (reviewer: Reviewer): { authorization: string } => ({
  authorization: `Bearer ${tokenOf(reviewer)}`,
});

export const roleTokens: Authenticator = {
  isMine: (token) => token.startsWith('test.'),
  identify: (token) => {
    const [name, role, tenants] = JSON.parse(Buffer.from(token.slice(5), 'base64url').toString()) as unknown[];
    const known = grants.find((grant) => grant === role);
    if (typeof name !== 'string' || known === undefined) return unknownToken();
    return { kind: 'holder', holder: { reviewer: { name, role: known, tenants: tenants as null }, expiresAtMs: null } };
  },
};
