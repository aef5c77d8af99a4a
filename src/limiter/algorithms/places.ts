/** A place under a concurrency limit. */
export interface Place {
  readonly permit: string;
  readonly expiresAtUs: number;
  readonly units: number;
}

interface Seat extends Place {
  previous: Seat | null;
  next: Seat | null;
}

/**
 * The places of one counter in the order of their expiry, which is that of their coming: all last equally long, and one that
 * would outlast a new one is cut short before that comes. Whatever is asked of them costs the same for one place and for a
 * hundred thousand; only those that have expired are walked over, until they are dropped.
 */
export class Places {
  readonly #byPermit = new Map<string, Seat>();
  #first: Seat | null = null;
  #last: Seat | null = null;
  #firstLive: Seat | null = null;
  #units = 0;
  #expiredUnits = 0;

  get size(): number {
    return this.#byPermit.size;
  }

  /** Units of those that had not expired when they were last looked at. */
  get liveUnits(): number {
    return this.#units - this.#expiredUnits;
  }

  /** When the first of these expires; 0: there is none. */
  get firstUs(): number {
    return this.#firstLive?.expiresAtUs ?? 0;
  }

  /** When the last of these expires; 0: there is none. */
  get lastUs(): number {
    return this.#firstLive && this.#last ? this.#last.expiresAtUs : 0;
  }

  has(permit: string): boolean {
    return this.#byPermit.has(permit);
  }

  /** Looks which have expired. They stay: a clock that steps back may find them in force again. */
  lookAt(nowUs: number): void {
    this.#expiredUnits = 0;
    let seat = this.#first;
    for (; seat !== null && seat.expiresAtUs <= nowUs; seat = seat.next) this.#expiredUnits += seat.units;
    this.#firstLive = seat;
  }

  /** Those that had expired when they were last looked at are gone for good. */
  dropExpired(): void {
    while (this.#first !== null && this.#first !== this.#firstLive) this.#remove(this.#first, true);
  }

  /** Must not expire before any other. */
  add({ permit, expiresAtUs, units }: Place): void {
    this.delete(permit);
    const seat: Seat = { permit, expiresAtUs, units, previous: this.#last, next: null };
    if (this.#last) this.#last.next = seat;
    else this.#first = seat;
    this.#last = seat;
    this.#firstLive ??= seat;
    this.#units += units;
    this.#byPermit.set(permit, seat);
  }

  delete(permit: string): void {
    const seat = this.#byPermit.get(permit);
    if (!seat) return;
    const firstLiveUs = this.#firstLive?.expiresAtUs ?? Number.POSITIVE_INFINITY;
    this.#remove(seat, seat.expiresAtUs < firstLiveUs);
  }

  /** The same, none of them beyond `latestUs`; null: none of them is. */
  cutShort(latestUs: number): Places | null {
    if (this.#last === null || this.#last.expiresAtUs <= latestUs) return null;
    const places = new Places();
    for (let seat = this.#first; seat !== null; seat = seat.next) {
      const { permit, expiresAtUs, units } = seat;
      places.add({ permit, expiresAtUs: Math.min(expiresAtUs, latestUs), units });
    }
    return places;
  }

  #remove(seat: Seat, isExpired: boolean): void {
    const { previous, next } = seat;
    if (previous) previous.next = next;
    else this.#first = next;
    if (next) next.previous = previous;
    else this.#last = previous;
    if (this.#firstLive === seat) this.#firstLive = next;
    this.#units -= seat.units;
    if (isExpired) this.#expiredUnits -= seat.units;
    this.#byPermit.delete(seat.permit);
  }
}
