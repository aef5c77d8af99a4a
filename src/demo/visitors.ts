import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import type { Clock } from '../clock.ts';
import type { Outcome } from '../decision/decision.ts';
import type { Answer, Persona, PersonaRequest } from './personas.ts';

/** What a persona has seen of the API. */
export interface Visit {
  readonly persona: Persona;
  readonly requests: number;
  readonly outcomes: { readonly [Key in Outcome]: number };
  /** No answer came. */
  readonly failed: number;
}

export interface Visitors {
  visits(): readonly Visit[];
  /** Lets answers on their way arrive, then resolves. */
  stop(): Promise<void>;
}

export interface VisitorsOptions {
  readonly personas: readonly Persona[];
  /** Port of the sample API on 127.0.0.1. */
  readonly port: number;
  readonly clock: Clock;
  readonly random: () => number;
}

const answerTimeoutMs = 10_000;

const maxBodyBytes = 4096;

interface Received extends Answer {
  readonly outcome: Outcome;
}

/** A blocked client is told so in the problem's type; the status is that of any other refusal. */
const outcomeOf = (status: number, body: string): Outcome => {
  if (status !== 429 && status !== 403) return 'allowed';
  return body.includes('abnormal-usage-detected') ? 'blocked' : 'denied';
};

const receivedFrom = ({ statusCode: status = 0, headers }: IncomingMessage, body: string): Received => {
  const seconds = Number(headers['retry-after'] ?? Number.NaN);
  const retryAfterMs = Number.isFinite(seconds) ? seconds * 1000 : null;
  return { status, retryAfterMs, outcome: outcomeOf(status, body) };
};

const readBody = async (response: IncomingMessage): Promise<string> => {
  let body = '';
  for await (const chunk of response.setEncoding('utf8')) {
    if (body.length < maxBodyBytes) body += String(chunk);
  }
  return body;
};

interface Sending {
  readonly persona: Persona;
  readonly port: number;
  readonly agent: Agent;
}

const send = ({ persona, port, agent }: Sending, { method, path, body }: PersonaRequest): Promise<Received> =>
  new Promise((resolve, reject) => {
    const headers = {
      'x-forwarded-for': persona.address,
      ...(persona.credential ? { 'x-api-key': persona.credential.apiKey } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
    };
    const options = { host: '127.0.0.1', port, agent, method, path, headers, timeout: answerTimeoutMs };
    const outgoing = httpRequest(options, (response) => {
      readBody(response).then((text) => resolve(receivedFrom(response, text)), reject);
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in time')));
    outgoing.on('error', reject);
    outgoing.end(body);
  });

class Visitor {
  readonly #options: VisitorsOptions;
  readonly #sending: Sending;
  readonly #counts = { requests: 0, allowed: 0, denied: 0, blocked: 0, failed: 0 };
  #stopped = false;

  constructor(options: VisitorsOptions, persona: Persona) {
    this.#options = options;
    this.#sending = { persona, port: options.port, agent: new Agent({ keepAlive: true, maxSockets: 32 }) };
  }

  visit(): Visit {
    const { requests, allowed, denied, blocked, failed } = this.#counts;
    return { persona: this.#sending.persona, requests, outcomes: { allowed, denied, blocked }, failed };
  }

  stop(): void {
    this.#stopped = true;
  }

  async run(): Promise<void> {
    const { clock, random } = this.#options;
    const behaviour = this.#sending.persona.behave(random);
    let answers: readonly Answer[] = [];
    while (!this.#stopped) {
      const { waitMs, requests } = behaviour.next(answers).value;
      await this.#wait(clock, waitMs);
      if (this.#stopped) break;
      answers = await Promise.all(requests.map((request) => this.#ask(request)));
    }
    this.#sending.agent.destroy();
  }

  /** In short steps, so that a stop is not kept waiting by a persona that pauses. */
  async #wait(clock: Clock, waitMs: number): Promise<void> {
    for (let leftMs = waitMs; leftMs > 0 && !this.#stopped; leftMs -= 250) await clock.sleep(Math.min(leftMs, 250));
  }

  async #ask(request: PersonaRequest): Promise<Answer> {
    this.#counts.requests += 1;
    try {
      const answer = await send(this.#sending, request);
      this.#counts[answer.outcome] += 1;
      return answer;
    } catch {
      // A visitor that gets no answer shrugs; `failed` says how often.
      this.#counts.failed += 1;
      return { status: 0, retryAfterMs: null };
    }
  }
}

/** Sends every persona to the sample API at once, over real connections. */
export const startVisitors = (options: VisitorsOptions): Visitors => {
  const visitors = options.personas.map((persona) => new Visitor(options, persona));
  const running = visitors.map((visitor) => visitor.run());
  return {
    visits: () => visitors.map((visitor) => visitor.visit()),
    stop: async () => {
      for (const visitor of visitors) visitor.stop();
      await Promise.all(running);
    },
  };
};
