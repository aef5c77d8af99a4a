import type { ClientKind } from '../client.ts';
import { latencyUsOf } from './cell.ts';
import { type Bytes, bytesOf, json, LineBytes } from './line-bytes.ts';
import type { MergedRow } from './row-index.ts';

const opening = bytesOf('{"time":');
const addressName = bytesOf(',"address":');
const withoutAddress = bytesOf(',"address":"","route":');
const routeName = bytesOf(',"route":');
const methodName = bytesOf(',"method":');
const latency = bytesOf(',"latency_us":');
const early = bytesOf(',"early":');
const untold = bytesOf('null');
const count = bytesOf(',"count":');
const closing = bytesOf('}\n');

/** Tenants whose part of a line is kept, for each partition and kind of client. */
const maxTenants = 256;
/** Seven numbers, the quotes of four texts, and what is written between them. */
const roomForTheRest = 7 * LineBytes.roomForNumber + 120;

export interface LineWriterOptions {
  readonly emitterId: string;
  readonly region: string;
  readonly partition: number;
}

/**
 * Events of one partition as lines of NDJSON: byte for byte what `encodeEvent` makes of them. What many lines share is
 * written as bytes that are made once.
 */
export class LineWriter {
  readonly #lines = new LineBytes();
  readonly #emitter: Bytes;
  readonly #region: string;
  readonly #tenants: Readonly<Record<ClientKind, Map<string, Bytes>>> = {
    key: new Map(),
    user: new Map(),
    ip: new Map(),
  };

  constructor({ emitterId, region, partition }: LineWriterOptions) {
    this.#emitter = bytesOf(`,"emitter":${json(emitterId)},"partition":${partition},"seq":`);
    this.#region = json(region);
  }

  /** Bytes written and not cut off. */
  get length(): number {
    return this.#lines.length;
  }

  write(row: MergedRow, seq: number): void {
    const lines = this.#lines;
    const { kind, client, address, route, method } = row;
    const { middle, tail } = kind.bytes;
    const before = this.#tenantBytes(row.clientKind, row.tenant);
    const shared = this.#emitter.length + before.length + middle.length + tail.length;
    const texts = client.length + address.length + route.length + method.length;
    lines.reserve(shared + texts * LineBytes.roomForUnit + roomForTheRest);
    lines.put(opening);
    lines.putNumber(row.timeMs);
    lines.put(this.#emitter);
    lines.putNumber(seq);
    lines.put(before);
    lines.putText(client);
    if (address === '') lines.put(withoutAddress);
    else {
      lines.put(addressName);
      lines.putText(address);
      lines.put(routeName);
    }
    lines.putText(route);
    lines.put(methodName);
    lines.putText(method);
    lines.put(middle);
    lines.putNumber(row.remaining);
    lines.put(tail);
    lines.putNumber(row.cost);
    lines.put(latency);
    lines.putNumber(latencyUsOf(row.cell));
    lines.put(early);
    if (kind.told) lines.putNumber(row.early);
    else lines.put(untold);
    lines.put(count);
    lines.putNumber(row.count);
    lines.put(closing);
  }

  /** The first `length` bytes, a whole number of lines. The rest stays. */
  cut(length: number): Buffer {
    return this.#lines.cut(length);
  }

  #tenantBytes(clientKind: ClientKind, tenant: string): Bytes {
    const tenants = this.#tenants[clientKind];
    const known = tenants.get(tenant);
    if (known !== undefined) return known;
    if (tenants.size >= maxTenants) tenants.clear();
    const text = `,"region":${this.#region},"tenant":${json(tenant)},"client_kind":${json(clientKind)},"client":`;
    const made = bytesOf(text);
    tenants.set(tenant, made);
    return made;
  }
}
