import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import Provider from 'oidc-provider';

/** What its tokens say, by client: `roles`, `tenants` and whatever else. */
export type ClaimsByClient = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface OpenIdProvider {
  readonly issuer: string;
  /** How often its keys were asked for. */
  readonly keyRequests: () => number;
  /** An access token of this client for this resource, by client credentials. */
  tokenFor(client: string, resource?: string): Promise<string>;
  /** Signs with a key of its own from now on. The old one is gone. */
  rotate(): Promise<void>;
  /** Answers nobody, until it is told to again. */
  setAway(isAway: boolean): void;
  close(): Promise<void>;
}

export const audience = 'https://tidegate.example/api';

let made = 0;
const newKey = async (): Promise<JWK> => {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  made += 1;
  return { ...(await exportJWK(privateKey)), kid: `key-${made}`, use: 'sig', alg: 'RS256' };
};

const providerFor = (issuer: string, key: JWK, claims: ClaimsByClient): Provider => {
  const provider = new Provider(issuer, {
    clients: Object.keys(claims).map((client) => ({
      client_id: client,
      client_secret: `secret-of-${client}`,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    })),
    jwks: { keys: [key] } as NonNullable<ConstructorParameters<typeof Provider>[1]>['jwks'],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_ctx, resource) => ({
          scope: 'review',
          audience: resource,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 600,
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    extraTokenClaims: (_ctx, token) => ({ ...claims[token.clientId ?? ''] }),
  });
  provider.on('server_error', (_ctx, error) => console.error(error));
  return provider;
};

/** A real OpenID provider on a port of its own. */
export const startOpenIdProvider = async (claims: ClaimsByClient): Promise<OpenIdProvider> => {
  let handle: RequestListener = () => undefined;
  let isAway = false;
  let keyRequests = 0;
  const server: Server = createServer((request, response) => {
    if (isAway) return void request.socket.destroy();
    if (request.url === '/jwks') keyRequests += 1;
    handle(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const rotate = async (): Promise<void> => {
    handle = providerFor(issuer, await newKey(), claims).callback();
  };
  await rotate();
  return {
    issuer,
    keyRequests: () => keyRequests,
    rotate,
    setAway: (away) => {
      isAway = away;
    },
    tokenFor: async (client, resource = audience) => {
      const answer = await fetch(`${issuer}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(`${client}:secret-of-${client}`).toString('base64')}` },
        body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'review', resource }),
      });
      const { access_token: token } = (await answer.json()) as { access_token?: string };
      if (token === undefined) throw new Error(`no token: ${answer.status}`);
      return token;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
};
