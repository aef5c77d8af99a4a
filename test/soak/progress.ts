import { SingleBar } from 'cli-progress';

/** A bar on a terminal; elsewhere a line now and then, so that a log of it can be read. */
export class Progress {
  readonly #total: number;
  readonly #bar: SingleBar | null;
  #shown = -1;

  constructor(total: number) {
    this.#total = total;
    this.#bar = process.stderr.isTTY
      ? new SingleBar({ format: '{bar} {percentage}% {doing}', stream: process.stderr, hideCursor: true })
      : null;
    this.#bar?.start(total, 0, { doing: '' });
  }

  show(done: number, doing: string): void {
    this.#bar?.update(Math.min(done, this.#total), { doing });
    const tenths = Math.floor((done / this.#total) * 10);
    if (this.#bar || (tenths === this.#shown && done < this.#total)) return;
    this.#shown = tenths;
    process.stderr.write(`${Math.min(100, Math.round((done / this.#total) * 100))} % ${doing}\n`);
  }

  end(): void {
    this.#bar?.stop();
  }
}
