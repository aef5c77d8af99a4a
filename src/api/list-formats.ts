import type { BlockEntry, SnapshotPage } from '../blocklist/block-feed.ts';
import { type AddressLine, AllowedAddresses, addressLineOf } from './list-addresses.ts';
import { envoyFile } from './list-envoy.ts';
import { entryView, listHead } from './list-views.ts';

export const listFormats = ['json', 'ndjson', 'text', 'nginx', 'nginx-geo', 'haproxy', 'envoy'] as const;
export type ListFormat = (typeof listFormats)[number];

/** Writes one reading of the list, piece by piece. */
export interface ListWriter {
  /** Of the first page, before all entries. */
  begin(page: SnapshotPage): string;
  entries(entries: readonly BlockEntry[]): string;
  end(): string;
}

/** How a file of addresses is spelled. */
export interface AddressFile {
  /** `about`: what the file is, in words; every one has to be a comment. */
  begin(about: readonly string[]): string;
  line(line: AddressLine): string;
  /** `about`: what it holds. */
  end(about: string): string;
}

/** Lines with `#` comments, as nearly everything reads them. */
const lineFile = (line: (line: AddressLine) => string): AddressFile => ({
  begin: (about) => about.map((words) => `# ${words}\n`).join(''),
  line: (one) => {
    const text = line(one);
    return text === '' ? '' : `${text}\n`;
  },
  end: (about) => `# ${about}\n`,
});

const onlyRefused = (text: (network: string) => string) =>
  lineFile(({ network, then }) => (then === 'refuse' ? text(network) : ''));

/** Files for proxies: addresses and networks only. */
const addressFiles: Readonly<Record<Exclude<ListFormat, 'json' | 'ndjson'>, () => AddressFile>> = {
  text: () => onlyRefused((network) => network),
  // The first rule that holds is the one: those who are allowed come first.
  nginx: () => lineFile(({ network, then }) => `${then === 'refuse' ? 'deny' : 'allow'} ${network};`),
  // The longest prefix wins in these three.
  'nginx-geo': () => lineFile(({ network, then }) => `${network} ${then === 'refuse' ? 1 : 0};`),
  haproxy: () => lineFile(({ network, then }) => `${network} ${then}`),
  envoy: envoyFile,
};

/** Addresses in the spelling of a file; whoever a proxy cannot know is counted. */
class AddressWriter implements ListWriter {
  readonly #file: AddressFile;
  readonly #skipsSlowed: boolean;
  #allowed = new AllowedAddresses([]);
  #isOff = false;
  #written = 0;
  #leftOut = 0;

  /** `skipsSlowed`: who is only slowed down has no line, since the order of lines decides. */
  constructor(file: AddressFile, skipsSlowed: boolean) {
    this.#file = file;
    this.#skipsSlowed = skipsSlowed;
  }

  begin({ epoch, sequence, exemptions, switches }: SnapshotPage): string {
    this.#allowed = new AllowedAddresses(exemptions);
    this.#isOff = switches.blocks !== null;
    const about = [`tidegate block list ${epoch}.${sequence}`];
    if (this.#isOff) about.push('blocks are switched off: nobody is refused');
    const lines = this.#isOff ? [] : this.#allowed.lines;
    return this.#file.begin(about) + lines.map((line) => this.#file.line(line)).join('');
  }

  entries(entries: readonly BlockEntry[]): string {
    let text = '';
    for (const entry of entries) {
      const line = this.#isOff ? null : addressLineOf(entry, this.#allowed);
      const isRefused = line?.then === 'refuse';
      if (isRefused) this.#written += 1;
      else this.#leftOut += 1;
      if (line !== null && (isRefused || !this.#skipsSlowed)) text += this.#file.line(line);
    }
    return text;
  }

  end(): string {
    return this.#file.end(`end: ${this.#written} refused, ${this.#leftOut} entries left out`);
  }
}

/** All of it, keys and users too, as one JSON object. */
class JsonWriter implements ListWriter {
  #separator = '';

  begin(page: SnapshotPage): string {
    return `${JSON.stringify(listHead(page)).slice(0, -1)},"entries":[`;
  }

  entries(entries: readonly BlockEntry[]): string {
    let text = '';
    for (const entry of entries) {
      text += `${this.#separator}${JSON.stringify(entryView(entry))}`;
      this.#separator = ',\n';
    }
    return text;
  }

  end(): string {
    return ']}\n';
  }
}

/** All of it, a line each, between a head and a line that says that nothing is missing. */
class NdjsonWriter implements ListWriter {
  #entries = 0;

  begin(page: SnapshotPage): string {
    return `${JSON.stringify(listHead(page))}\n`;
  }

  entries(entries: readonly BlockEntry[]): string {
    this.#entries += entries.length;
    return entries.map((entry) => `${JSON.stringify(entryView(entry))}\n`).join('');
  }

  end(): string {
    return `${JSON.stringify({ end: true, entries: this.#entries })}\n`;
  }
}

export const writerFor = (format: ListFormat): ListWriter => {
  if (format === 'json') return new JsonWriter();
  if (format === 'ndjson') return new NdjsonWriter();
  return new AddressWriter(addressFiles[format](), format === 'nginx');
};

export const contentTypes: Readonly<Record<ListFormat, string>> = {
  json: 'application/json; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
  text: 'text/plain; charset=utf-8',
  nginx: 'text/plain; charset=utf-8',
  'nginx-geo': 'text/plain; charset=utf-8',
  haproxy: 'text/plain; charset=utf-8',
  envoy: 'application/json; charset=utf-8',
};

/** In these an entry that has ended is not told from one that lasts: they grow old by themselves. */
export const endsAreTold = (format: ListFormat): boolean => format === 'json' || format === 'ndjson';
