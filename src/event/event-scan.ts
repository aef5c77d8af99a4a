import { type ClientKind, clientKinds } from '../client.ts';
import {
  type DecisionSource,
  type DegradedReason,
  decisionSources,
  type Outcome,
  outcomes,
} from '../decision/decision.ts';
import { TidegateError } from '../errors.ts';
import { ByteTexts } from './byte-texts.ts';
import { type DecisionEvent, wireNames } from './decision-event.ts';
import { candidateAnswers, decodeEvent, degradedReasons } from './event-codec.ts';
import { checkFrame, type EncodedFrame } from './frame.ts';

/** What detection looks at of an event. */
export type SeenEvent = Pick<
  DecisionEvent,
  | 'timeMs'
  | 'emitter'
  | 'seq'
  | 'tenant'
  | 'clientKind'
  | 'client'
  | 'address'
  | 'route'
  | 'policy'
  | 'scope'
  | 'outcome'
  | 'source'
  | 'degraded'
  | 'early'
  | 'count'
>;

const lineBreak = 0x0a;
const comma = 0x2c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const zero = 0x30;
const nine = 0x39;
/** More would not be exact. */
const maxDigits = 15;

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const nameOf = (field: keyof DecisionEvent): Uint8Array => bytes(`,"${wireNames[field]}":`);

const opening = bytes(`{"${wireNames.timeMs}":`);
const closing = bytes('}\n');
const untold = bytes('null');
/** What stands before the value of each field, in wire order. */
const names = Object.fromEntries(
  (Object.keys(wireNames) as (keyof DecisionEvent)[]).map((field) => [field, nameOf(field)]),
) as Readonly<Record<keyof DecisionEvent, Uint8Array>>;

/**
 * What stands between the values that differ from row to row: each ends before such a value, and begins behind one, so that
 * the same bytes mean the same. By name: where each has its two places.
 */
const stretches = { emitter: 0, region: 2, kind: 4, address: 6, policy: 8, outcome: 10 } as const;
const stretchCount = 6;

const isKind = (text: string): text is ClientKind => (clientKinds as readonly string[]).includes(text);
const isOutcome = (text: string): text is Outcome => (outcomes as readonly string[]).includes(text);
const isSource = (text: string): text is DecisionSource => (decisionSources as readonly string[]).includes(text);
const isDegraded = (text: string): text is DegradedReason | '' => (degradedReasons as readonly string[]).includes(text);
const isCandidate = (text: string): boolean => (candidateAnswers as readonly string[]).includes(text);

/**
 * Reads events out of the bytes of their lines, without making anything that detection does not look at. Only what is
 * written as emitters write it; all else is for {@link decodeEvent}, which comes to the same wherever both can read.
 */
export class EventScanner {
  /** The event of the last line that was scanned. The same object each time. */
  readonly event: { -readonly [Field in keyof SeenEvent]: SeenEvent[Field] } = {
    timeMs: 0,
    emitter: '',
    seq: 0,
    tenant: '',
    clientKind: 'ip',
    client: '',
    address: '',
    route: '',
    policy: '',
    scope: '',
    outcome: 'allowed',
    source: 'store',
    degraded: '',
    early: null,
    count: 0,
  };
  readonly #texts = new ByteTexts();
  /** Where each stretch of the line before begins and ends, in the same body. */
  readonly #stretches = new Int32Array(2 * stretchCount);
  #body: Buffer = Buffer.alloc(0);
  /** Where the scan stands; behind the line when that was scanned. */
  at = 0;

  /** Whether the line that begins at `start` is a plain one; then {@link event} is its event. */
  scan(body: Buffer, start: number): boolean {
    if (body !== this.#body) this.#stretches.fill(0);
    this.#body = body;
    this.at = start;
    // Of a line that is not plain to its end, too, the stretches that were read and what the event holds agree.
    return this.#takesOrigin() && this.#takesClient() && this.#takesDecision() && this.#takesRest();
  }

  #takesOrigin(): boolean {
    const { event } = this;
    if (!this.#takes(opening)) return false;
    event.timeMs = this.#number();
    if (event.timeMs < 0 || !(this.#takesAgain(stretches.emitter) || this.#takesEmitter())) return false;
    event.seq = this.#number();
    return event.seq >= 1;
  }

  #takesEmitter(): boolean {
    const from = this.at;
    const emitter = this.#textOf(names.emitter);
    if (emitter === null || !this.#takesNumber(names.partition) || !this.#takes(names.seq)) return false;
    this.event.emitter = emitter;
    return this.#mark(stretches.emitter, from);
  }

  #takesClient(): boolean {
    const { event } = this;
    if (!this.#takesAgain(stretches.region) && !this.#takesRegion()) return false;
    const tenant = this.#text();
    if (!this.#takesAgain(stretches.kind) && !this.#takesKind()) return false;
    const client = this.#text();
    if (!this.#takesAgain(stretches.address) && !this.#takesAddress()) return false;
    const route = this.#text();
    if (tenant === null || client === null || route === null) return false;
    event.tenant = tenant;
    event.client = client;
    event.route = route;
    return true;
  }

  #takesRegion(): boolean {
    const from = this.at;
    return this.#skipsText(names.region) && this.#takes(names.tenant) && this.#mark(stretches.region, from);
  }

  #takesKind(): boolean {
    const from = this.at;
    const kind = this.#textOf(names.clientKind);
    if (kind === null || !isKind(kind) || !this.#takes(names.client)) return false;
    this.event.clientKind = kind;
    return this.#mark(stretches.kind, from);
  }

  #takesAddress(): boolean {
    const from = this.at;
    const address = this.#textOf(names.address);
    if (address === null || !this.#takes(names.route)) return false;
    this.event.address = address;
    return this.#mark(stretches.address, from);
  }

  #takesDecision(): boolean {
    if (!this.#takesAgain(stretches.policy) && !this.#takesPolicy()) return false;
    if (this.#number() < 0) return false;
    if (!this.#takesAgain(stretches.outcome) && !this.#takesOutcome()) return false;
    return this.#number() >= 0;
  }

  #takesPolicy(): boolean {
    const { event } = this;
    const from = this.at;
    if (!this.#skipsText(names.method)) return false;
    const policy = this.#textOf(names.policy);
    if (policy === null || !this.#skipsText(names.policyVersion)) return false;
    const scope = this.#textOf(names.scope);
    if (scope === null || !this.#takesNumber(names.limit) || !this.#takes(names.remaining)) return false;
    event.policy = policy;
    event.scope = scope;
    return this.#mark(stretches.policy, from);
  }

  #takesOutcome(): boolean {
    const { event } = this;
    const from = this.at;
    const outcome = this.#textOf(names.outcome);
    const source = this.#textOf(names.source);
    const degraded = this.#textOf(names.degraded);
    if (outcome === null || source === null || degraded === null) return false;
    if (!isOutcome(outcome) || !isSource(source) || !isDegraded(degraded) || !this.#takesTexts()) return false;
    const candidate = this.#textOf(names.candidateOutcome);
    if (candidate === null || !isCandidate(candidate) || !this.#takes(names.compensated)) return false;
    const compensated = this.#number();
    if (compensated !== 0 && compensated !== 1) return false;
    if (!this.#takesNumber(names.cost) || !this.#takes(names.latencyUs)) return false;
    event.outcome = outcome;
    event.source = source;
    event.degraded = degraded;
    return this.#mark(stretches.outcome, from);
  }

  #takesRest(): boolean {
    const { event } = this;
    if (!this.#takes(names.early)) return false;
    const early = this.#takes(untold) ? null : this.#number();
    if (early !== null && early < 0) return false;
    if (!this.#takes(names.count)) return false;
    event.early = early;
    event.count = this.#number();
    return event.count >= 1 && this.#takes(closing);
  }

  /** The same bytes as in the line before: the event holds what they say. Most of most lines is like that. */
  #takesAgain(stretch: number): boolean {
    const [body, { at }] = [this.#body, this];
    const from = this.#stretches[stretch] ?? 0;
    const length = (this.#stretches[stretch + 1] ?? 0) - from;
    if (length <= 0) return false;
    for (let index = 0; index < length; index += 1) if (body[at + index] !== body[from + index]) return false;
    this.at = at + length;
    return true;
  }

  #mark(stretch: number, from: number): true {
    this.#stretches[stretch] = from;
    this.#stretches[stretch + 1] = this.at;
    return true;
  }

  #takes(expected: Uint8Array): boolean {
    const [body, { at }] = [this.#body, this];
    for (let index = 0; index < expected.length; index += 1) if (body[at + index] !== expected[index]) return false;
    this.at = at + expected.length;
    return true;
  }

  /** -1 when there is none, or one that is not written as emitters do. */
  #number(): number {
    const body = this.#body;
    const start = this.at;
    let at = start;
    let value = 0;
    for (let byte = body[at] ?? 0; byte >= zero && byte <= nine; byte = body[at] ?? 0) {
      value = value * 10 + byte - zero;
      at += 1;
    }
    this.at = at;
    const digits = at - start;
    return digits > 0 && digits <= maxDigits && (digits === 1 || body[start] !== zero) ? value : -1;
  }

  #takesNumber(name: Uint8Array): boolean {
    return this.#takes(name) && this.#number() >= 0;
  }

  #text(): string | null {
    const text = this.#texts.read(this.#body, this.at);
    if (text !== null) this.at = this.#texts.end;
    return text;
  }

  #textOf(name: Uint8Array): string | null {
    return this.#takes(name) ? this.#text() : null;
  }

  #skipsText(name: Uint8Array): boolean {
    if (!this.#takes(name) || !this.#texts.skip(this.#body, this.at)) return false;
    this.at = this.#texts.end;
    return true;
  }

  /** Shadow policies: mostly none. */
  #takesTexts(): boolean {
    if (!this.#takes(names.shadowDenied) || this.#body[this.at] !== openBracket) return false;
    this.at += 1;
    if (this.#body[this.at] === closeBracket) {
      this.at += 1;
      return true;
    }
    for (;;) {
      if (!this.#texts.skip(this.#body, this.at)) return false;
      this.at = this.#texts.end + 1;
      const behind = this.#body[this.at - 1];
      if (behind === closeBracket) return true;
      if (behind !== comma) return false;
    }
  }
}

/**
 * The events of a frame, one after the other: what is given is the same object each time, so take from it what is needed.
 * A row that cannot be read is left out and told to `onBadRow`; what is around it stands. Throws FRAME_CORRUPT, before
 * anything is given, when the frame is not what its headers say.
 */
export const seenEventsOf = (
  frame: EncodedFrame,
  scanner: EventScanner,
  onBadRow: (error: unknown) => void,
): Iterable<SeenEvent> => {
  const { rows } = checkFrame(frame);
  const { body } = frame;
  const lines = linesIn(body);
  if (lines !== rows) {
    throw new TidegateError('FRAME_CORRUPT', `frame holds ${lines} rows, its header says ${rows}`);
  }
  return scanned(body, scanner, onBadRow);
};

/** What stands behind the last line break is no line, and no frame ends so. */
const linesIn = (body: Buffer): number => {
  let lines = 0;
  let end = 0;
  for (let at = body.indexOf(lineBreak); at >= 0; at = body.indexOf(lineBreak, at + 1)) {
    lines += 1;
    end = at + 1;
  }
  if (end === body.length) return lines;
  throw new TidegateError('FRAME_CORRUPT', 'frame body does not end with a line break');
};

function* scanned(body: Buffer, scanner: EventScanner, onBadRow: (error: unknown) => void): Generator<SeenEvent> {
  for (let start = 0; start < body.length; ) {
    if (scanner.scan(body, start)) {
      start = scanner.at;
      yield scanner.event;
      continue;
    }
    const end = body.indexOf(lineBreak, start);
    const line = body.toString('utf8', start, end);
    start = end + 1;
    let event: SeenEvent;
    try {
      event = decodeEvent(line);
    } catch (error) {
      onBadRow(error);
      continue;
    }
    yield event;
  }
}
