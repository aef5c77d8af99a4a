import type { JsonObject } from '../../src/cli/dashboards/differences.ts';
import type { Fetch } from '../../src/cli/dashboards/grafana.ts';

interface Stored {
  readonly dashboard: JsonObject;
  readonly folderUid: string;
  readonly message: string;
}
interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
}
type Reply = readonly [status: number, body: JsonObject | readonly JsonObject[] | string];
/** Instead of an answer, or after what was asked is done and before anybody hears of it. */
export type Fault = Response | 'refused' | 'lost';

const denied: Reply = [
  403,
  { message: "You'll need additional permissions to perform this action. Permissions needed: x" },
];
const clash = (status: string, message: string): Reply => [412, { status, message }];

/** A query of a rule, with what Grafana adds to it. */
const asStored = (query: JsonObject): JsonObject => {
  const model = (query['model'] ?? {}) as JsonObject;
  return {
    ...query,
    queryType: model['queryType'] ?? '',
    model: { intervalMs: 1000, maxDataPoints: 43_200, ...model },
  };
};

/**
 * As much of Grafana's HTTP API as pushing needs, with what the real one (10.1) was seen to do: versions that count up, conflicts,
 * and 403 instead of 404 about what is not there.
 */
export class FakeGrafana {
  readonly url = 'http://grafana.test/at';
  readonly token = 'glsa_secret-of-the-test';
  /** Those it knows. */
  readonly tokens = new Set([this.token]);
  readonly sources: JsonObject[] = [
    { uid: 'tidegate-clickhouse', name: 'Tidegate', type: 'grafana-clickhouse-datasource' },
  ];
  version = '12.3.1';
  readonly folders = new Map<string, string>();
  readonly dashboards = new Map<string, Stored>();
  readonly rules = new Map<string, JsonObject>();
  readonly intervals = new Map<string, number>();
  /** Uids that were loaded from files. */
  readonly fromFiles = new Set<string>();
  readonly asked: Asked[] = [];
  /** By number of the request, from 0. */
  readonly faults = new Map<number, Fault>();
  /** Runs before a request is answered: what somebody else does at that moment. */
  meanwhile: (asked: Asked) => void = () => undefined;

  get writes(): string[] {
    return this.asked.filter(({ method }) => method !== 'GET').map(({ method, path }) => `${method} ${path}`);
  }

  readonly fetch: Fetch = async (url, init) => {
    if (!url.startsWith(`${this.url}/`)) throw new TypeError(`nobody is at ${url}`);
    const path = url.slice(this.url.length + 1);
    const asked = { method: init.method ?? 'GET', path, headers: new Headers(init.headers) };
    const number = this.asked.push(asked) - 1;
    this.meanwhile(asked);
    const fault = this.faults.get(number);
    if (fault === 'refused') throw new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') });
    if (fault instanceof Response) return fault;
    const [status, body] = this.#answer(asked, init.body === undefined ? {} : JSON.parse(String(init.body)));
    if (fault === 'lost') throw new TypeError('fetch failed', { cause: new Error('socket hang up') });
    return new Response(typeof body === 'string' ? body : JSON.stringify(body), { status });
  };

  #answer({ method, path, headers }: Asked, body: JsonObject): Reply {
    const given = headers.get('authorization') ?? '';
    if (!this.tokens.has(given.replace('Bearer ', ''))) return [401, { message: 'Invalid API key' }];
    const [route = '', query = ''] = path.split('?');
    const last = decodeURIComponent(route.slice(route.lastIndexOf('/') + 1));
    if (route === 'api/health') return [200, this.version === '' ? {} : { version: this.version }];
    if (route === 'api/datasources') return [200, this.sources];
    if (route.startsWith('api/folders')) return method === 'POST' ? this.#makeFolder(body) : this.#folders();
    if (route === 'api/search') return this.#search(new URLSearchParams(query));
    if (route === 'api/dashboards/db') return this.#save(body);
    if (route.startsWith('api/dashboards/uid/')) return this.#dashboard(last);
    if (route.includes('/rule-groups/')) return method === 'PUT' ? this.#saveGroup(last, body) : this.#group(last);
    if (route.startsWith('api/v1/provisioning/alert-rules')) return this.#ruleAnswer(method, last, body);
    return [404, { message: 'Not found' }];
  }

  #folders(): Reply {
    return [200, [...this.folders].map(([uid, title]) => ({ uid, title }))];
  }

  #makeFolder({ uid, title }: JsonObject): Reply {
    if (this.folders.has(String(uid))) return clash('version-mismatch', 'The folder has been changed by someone else');
    if ([...this.folders.values()].includes(String(title))) {
      return [409, { message: 'a folder with the same name already exists in the current location' }];
    }
    this.folders.set(String(uid), String(title));
    return [200, { uid: String(uid) }];
  }

  #search(query: URLSearchParams): Reply {
    const uids = query.getAll('dashboardUIDs');
    return [200, uids.filter((uid) => this.dashboards.has(uid)).map((uid) => ({ uid }))];
  }

  #dashboard(uid: string): Reply {
    const stored = this.dashboards.get(uid);
    return stored === undefined
      ? denied
      : [200, { dashboard: stored.dashboard, meta: { folderUid: stored.folderUid } }];
  }

  #save(body: JsonObject): Reply {
    const { dashboard, folderUid, message, overwrite } = body as JsonObject & { dashboard: JsonObject };
    const uid = String(dashboard['uid']);
    const present = this.dashboards.get(uid)?.dashboard;
    if (!this.folders.has(String(folderUid))) return [400, { message: 'folder not found' }];
    if (this.fromFiles.has(uid)) return [400, { message: 'Cannot save provisioned dashboard' }];
    if (overwrite !== true && present !== undefined && present['version'] !== dashboard['version']) {
      return clash('version-mismatch', 'The dashboard has been changed by someone else');
    }
    const version = Number(present?.['version'] ?? 0) + 1;
    const stored = { ...dashboard, id: 7, version, weekStart: '' };
    this.dashboards.set(uid, { dashboard: stored, folderUid: String(folderUid), message: String(message) });
    return [200, { status: 'success', version }];
  }

  #ruleAnswer(method: string, uid: string, body: JsonObject): Reply {
    const present = this.rules.get(uid);
    if (method === 'GET') return present === undefined ? [404, 'no JSON'] : [200, present];
    if (this.fromFiles.has(uid)) return [409, { message: "cannot change provenance from 'file' to ''" }];
    if (method === 'PUT' && present === undefined) return [404, {}];
    if (method === 'POST' && this.rules.has(String(body['uid']))) return [409, { message: 'rule already exists' }];
    const group = String(body['ruleGroup']);
    if (!this.intervals.has(group)) this.intervals.set(group, 60);
    this.rules.set(String(body['uid']), {
      ...body,
      id: 3,
      for: String(body['for']).replace('60s', '1m'),
      labels: body['labels'] ?? {},
      data: ((body['data'] ?? []) as readonly JsonObject[]).map(asStored),
    });
    return [method === 'POST' ? 201 : 200, body];
  }

  #group(group: string): Reply {
    const interval = this.intervals.get(group);
    const rules = [...this.rules.values()].filter(({ ruleGroup }) => ruleGroup === group);
    return interval === undefined ? [404, {}] : [200, { title: group, folderUid: 'tidegate', interval, rules }];
  }

  #saveGroup(group: string, { interval, rules }: JsonObject): Reply {
    this.intervals.set(group, Number(interval));
    const kept = new Set((rules as readonly JsonObject[]).map(({ uid }) => String(uid)));
    for (const [uid, { ruleGroup }] of this.rules) if (ruleGroup === group && !kept.has(uid)) this.rules.delete(uid);
    return [200, { interval: Number(interval) }];
  }
}
