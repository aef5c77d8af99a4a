import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { chdbUrl, describeWith } from '../support/engines.ts';
import { audience, type OpenIdProvider, startOpenIdProvider } from '../support/openid-provider.ts';
import { TidegateProcess } from '../support/tidegate-process.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

const rootToken = '0123456789abcdef0123';
const secret = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
const claims = { anna: { groups: ['soc-lead'] }, ben: { groups: ['soc'] }, eve: { groups: ['sales'] } };

describeWith('chdb', 'tidegate up with a provider and a webhook', () => {
  let provider: OpenIdProvider;
  let receiver: WebhookReceiver;
  let up: TidegateProcess;
  let folder: string;
  let url: string;

  beforeAll(async () => {
    [provider, receiver] = await Promise.all([startOpenIdProvider(claims), startWebhookReceiver()]);
    folder = mkdtempSync(join(tmpdir(), 'tidegate-sign-in-'));
    const webhooks = join(folder, 'webhooks.yaml');
    writeFileSync(
      webhooks,
      `version: 1\nendpoints:\n  - { name: oncall, url: '${receiver.url}', secret: ${secret}, allowPrivate: true }\n`,
    );
    up = new TidegateProcess(['up', '--port', '0', '--clickhouse-url', chdbUrl() ?? 'chdb:missing'], {
      TIDEGATE_API_TOKENS: `root=${rootToken}`,
      TIDEGATE_OIDC_ISSUER: provider.issuer,
      TIDEGATE_OIDC_AUDIENCE: audience,
      TIDEGATE_OIDC_ROLE_CLAIM: 'groups',
      TIDEGATE_OIDC_ROLES: 'soc=reviewer,soc-lead=lead',
      TIDEGATE_WEBHOOKS_FILE: webhooks,
    });
    url = await up.url();
  });
  afterAll(async () => {
    up?.signal('SIGKILL');
    await up?.ended();
    await Promise.all([provider?.close(), receiver?.close()]);
    rmSync(folder, { recursive: true, force: true });
  });

  const ask = async (token: string, path: string, body?: object) => {
    const sent = body ? { method: 'POST', body: JSON.stringify(body) } : {};
    const type = body ? { 'content-type': 'application/json' } : {};
    const answer = await fetch(`${url}${path}`, { ...sent, headers: { authorization: `Bearer ${token}`, ...type } });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };

  it('lets people in by the roles that the provider gives them, and says which claim is missing', async () => {
    expect(await ask(await provider.tokenFor('anna'), '/v1/session')).toMatchObject({
      status: 200,
      body: { name: 'anna', role: 'lead', tenants: null, expiresAt: expect.any(String) },
    });
    expect(await ask(await provider.tokenFor('ben'), '/v1/session')).toMatchObject({ body: { role: 'reviewer' } });
    expect(await ask(await provider.tokenFor('eve'), '/v1/blocks')).toMatchObject({
      status: 403,
      body: { detail: 'The claim groups of the token names no role that is known here: one of soc, soc-lead.' },
    });
    expect((await ask(await provider.tokenFor('anna', 'https://elsewhere.example'), '/v1/blocks')).status).toBe(401);
  });

  it('makes a token over HTTP that works at once', async () => {
    const made = await ask(rootToken, '/v1/tokens', { name: 'edge', role: 'enforcer' });
    expect(made.status).toBe(201);
    expect((await ask(String(made.body['token']), '/v1/blocks')).status).toBe(403);
    expect((await ask(await provider.tokenFor('anna'), '/v1/tokens')).status).toBe(403);
  });

  it('tells by webhook that a change waits for a second person', async () => {
    const block = { subject: 'ip:203.0.113.9', until: null, reason: 'abuse', note: 'scans for months' };
    const answer = await ask(await provider.tokenFor('anna'), '/v1/blocks', block);
    expect(answer.status).toBe(202);
    await expect.poll(() => receiver.received.length, { timeout: 15_000 }).toBe(1);
    const [one] = receiver.received;
    expect(new Webhook(secret).verify(one?.body ?? '', { ...one?.headers })).toMatchObject({
      type: 'approval.requested',
      data: expect.objectContaining({}),
    });
  });
});
