import { type Client, clientOf } from '../client.ts';
import type { Decision } from '../decision/decision.ts';
import { parseDurationMs } from '../duration.ts';
import { TidegateError } from '../errors.ts';
import type { GateRequest } from '../gate/gate.ts';
import { AddressBook } from '../http/address-book.ts';
import { clientAddress } from '../http/client-address.ts';
import { parseTrustedProxies } from '../http/trusted-proxies.ts';
import type { RequestSource, Step } from './lock-step.ts';
import type { ActorInput, TrafficFile } from './scenario-files.ts';

/** One who sends requests: `atOnce` of them every `everyMs`. Times are from the start of the scenario. */
interface Actor {
  readonly input: ActorInput;
  /** From 1. */
  readonly copy: number;
  readonly everyMs: number;
  readonly untilMs: number;
  nextMs: number;
  sent: number;
}

const durationMs = (text: string | undefined): number => (text === undefined ? 0 : (parseDurationMs(text) ?? 0));

const copiesOf = (input: ActorInput): Actor[] =>
  Array.from({ length: input.copies ?? 1 }, (_, index) => ({
    input,
    copy: index + 1,
    everyMs: durationMs(input.every),
    untilMs: durationMs(input.until),
    nextMs: durationMs(input.from) + index * durationMs(input.apart),
    sent: 0,
  }));

/** `{n}`: which copy, from 1; `#`: which request of it, from 0. */
const filled = (text: string, { copy, sent }: Actor): string =>
  text.replaceAll('{n}', String(copy)).replaceAll('#', `n${sent}`);

/** Lets the actors of a `traffic.yaml` send. Who honours what it is told waits as long as it is told. */
export class ScenarioTraffic implements RequestSource {
  readonly #startMs: number;
  readonly #book: AddressBook;
  readonly #actors: readonly Actor[];
  /** Who sent which request of the step under way. */
  #senders: Actor[] = [];
  #askedAtMs = 0;

  /** `startMs`: when the scenario begins. Throws CONFIG_INVALID, INPUT_INVALID. */
  constructor({ actors, trustedProxies = [] }: TrafficFile, startMs: number) {
    this.#startMs = startMs;
    this.#book = new AddressBook(parseTrustedProxies(trustedProxies));
    this.#actors = actors.flatMap(copiesOf);
    for (const actor of this.#actors) this.#clientAt(actor);
  }

  next(): Step | null {
    const timeMs = this.#actors.reduce(
      (first, { nextMs, untilMs }) => (nextMs < untilMs && nextMs < first ? nextMs : first),
      Number.POSITIVE_INFINITY,
    );
    if (!Number.isFinite(timeMs)) return null;
    const requests: GateRequest[] = [];
    this.#senders = [];
    this.#askedAtMs = timeMs;
    for (const actor of this.#actors) {
      if (actor.nextMs !== timeMs || timeMs >= actor.untilMs) continue;
      for (let index = 0; index < (actor.input.atOnce ?? 1); index += 1) {
        requests.push(this.#request(actor));
        this.#senders.push(actor);
        actor.sent += 1;
      }
      actor.nextMs += actor.everyMs;
    }
    return { timeMs: this.#startMs + timeMs, requests };
  }

  answered(index: number, decision: Decision): void {
    const actor = this.#senders[index];
    if (!actor?.input.honours || decision.outcome === 'allowed') return;
    // `Retry-After` is in whole seconds. What can never fit is given up.
    const toldMs = Math.ceil((decision.retryAfterMs ?? Number.POSITIVE_INFINITY) / 1000) * 1000;
    actor.nextMs = Math.max(actor.nextMs, this.#askedAtMs + toldMs);
  }

  #request(actor: Actor): GateRequest {
    const { key, user, tenant, requests, routed } = actor.input;
    const [method = 'GET', path = '/'] = filled(requests[actor.sent % requests.length] ?? 'GET /', actor).split(' ');
    const { client, address } = this.#clientAt(actor);
    const clients: Client[] = [];
    if (key !== undefined) clients.push(clientOf('key', filled(key, actor)));
    if (user !== undefined) clients.push(clientOf('user', filled(user, actor)));
    clients.push(client);
    return {
      clients,
      method,
      path,
      address,
      ...(tenant === undefined ? {} : { tenant: filled(tenant, actor) }),
      ...(routed ? { route: path } : {}),
    };
  }

  /** As the middlewares find it. */
  #clientAt(actor: Actor): { readonly client: Client; readonly address: string } {
    const { address, forwardedFor } = actor.input;
    const peer = this.#book.find(filled(address, actor));
    const known = clientAddress(peer, forwardedFor && filled(forwardedFor, actor), this.#book);
    if (known) return known;
    throw new TidegateError('INPUT_INVALID', `${filled(address, actor)} is no address: {n} goes from 1 to copies`);
  }
}
