import {
  BackendError,
  type Column,
  type ColumnFilter,
  type ColumnValue,
  type CommandError,
  type DeviceQuestion,
  type DeviceRow,
  type ListView,
  type RouteView,
  type SelectionState,
  type SelectWhat,
  type TableQuery,
  type TableRow,
  type TableSort,
  type TableState,
  type TableWindow,
  type TrayGrouping,
  type TrayRow,
  type TrayWindow,
} from './backend';
import { entriesOf, resolve, type Resolved } from './fake-list';
import { problem } from './fake-values';
import { fakeApps, fakeDevice, fakeUsers } from './fake-tenant';

const DAY = 86_400_000;
const MOST_ROWS = 200;

/** What one search finds. */
export interface DevicesFound {
  devices: DeviceRow[];
  leftOut: number;
  complete: boolean;
  counted: number | null;
  problem: CommandError | null;
}

/** What a desk needs of the engine it belongs to. */
export interface Engine {
  now: number;
  devicesFound: Partial<DevicesFound> | null;
  rowsAtOnce: number | null;
  /** A list is looked up among all devices of the tenant, and nobody knows how many there are. */
  readsAll: boolean;
  /** Whether an entry of a list cannot be looked up. */
  unread: (entry: string) => boolean;
}

interface Held {
  device: DeviceRow;
  route: RouteView;
}

interface Table {
  state: TableState;
  route: RouteView;
  /** Rows that were read. */
  rows: DeviceRow[];
  /** Rows that are still to come. */
  rest: DeviceRow[];
  found: DevicesFound;
  listed: Resolved | null;
  tell: (state: TableState) => void;
  end: (state: TableState) => void;
}

const folded = (text: string) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();

function routeKey(route: RouteView): string {
  return route.kind === 'direct' ? 'direct' : `${route.kind}:${route.id}`;
}

/** What a column says of a device; null where there is nothing. */
function valueOf(device: DeviceRow, column: Column): string | null {
  switch (column) {
    case 'name':
      return device.name;
    case 'serial':
      return device.serial;
    case 'user':
      return [device.userDisplayName, device.userPrincipalName].filter(Boolean).join(' ') || null;
    case 'system':
      return [device.operatingSystem, device.osVersion].filter(Boolean).join(' ') || null;
    case 'warnings':
      return device.warnings.map((warning) => warning.kind).join(' ') || null;
    case 'model':
      return device.model;
    case 'owner':
      return device.owner;
    case 'compliance':
      return device.compliance;
    case 'managementState':
      return device.managementState;
    case 'lastContact':
      return device.lastContact;
    case 'enrolled':
      return device.enrolled;
  }
}

function valuesOf(device: DeviceRow, column: Column): string[] {
  if (column !== 'warnings') return [valueOf(device, column) ?? ''];
  return device.warnings.length > 0 ? device.warnings.map((warning) => warning.kind) : [''];
}

function meets(device: DeviceRow, filter: ColumnFilter, now: number): boolean {
  const value = valueOf(device, filter.column);
  switch (filter.kind) {
    case 'contains':
      return value !== null && folded(value).includes(folded(filter.text));
    case 'oneOf':
      return valuesOf(device, filter.column).some((each) => filter.values.includes(each));
    case 'before':
      return value === null || Date.parse(value) <= now - filter.days * DAY;
    case 'within':
      return value !== null && Date.parse(value) > now - filter.days * DAY;
  }
}

/** What a device is ordered by in a column; null where there is nothing. */
function orderOf(device: DeviceRow, column: Column): string | number | null {
  if (column === 'warnings') return device.warnings.length;
  const value = valueOf(device, column);
  return value === null ? null : folded(value);
}

function sorted(rows: readonly DeviceRow[], { column, descending }: TableSort): DeviceRow[] {
  const sign = descending ? -1 : 1;
  return rows
    .map((device) => ({ device, order: orderOf(device, column) }))
    .sort(({ order: one }, { order: other }) => {
      if (one === null || other === null) return Number(one === null) - Number(other === null);
      return sign * (one < other ? -1 : one > other ? 1 : 0);
    })
    .map(({ device }) => device);
}

/** The table and the selection of one account in one place, as the engine keeps them. */
export class FakeDesk {
  #table: Table | null = null;
  #searches = 0;
  #held = new Map<string, Held>();
  #cleared: Map<string, Held> | null = null;
  #started: { runId: string; held: Map<string, Held> } | null = null;
  #version = 0;
  #doubled = 0;
  /** What met the last query. */
  #last: { key: string; rows: DeviceRow[] } | null = null;

  constructor(
    readonly owner: string,
    readonly place: string,
    readonly engine: Engine,
  ) {}

  search(question: DeviceQuestion, tell: (state: TableState) => void): Promise<TableState> {
    const entries = question.kind === 'list' ? entriesOf(question.text) : null;
    const listed = entries ? resolve(entries, this.#everything(400), this.engine.unread) : null;
    const devices = listed ? listed.devices : this.#devices(question);
    const found: DevicesFound = {
      devices,
      leftOut: 0,
      complete: true,
      counted: listed ? null : devices.length,
      problem: null,
      ...this.engine.devicesFound,
    };
    const state: TableState = {
      search: ++this.#searches,
      loaded: 0,
      loading: true,
      complete: false,
      leftOut: found.leftOut,
      counted: found.counted,
      progress: null,
      problem: null,
      list: null,
    };
    return new Promise((end) => {
      this.#table = {
        state,
        route: this.#route(question),
        rows: [],
        rest: found.devices.slice(),
        found,
        listed,
        tell,
        end,
      };
      this.readOn();
    });
  }

  /** Reads some more rows, or all of them. */
  readOn(): void {
    const table = this.#table;
    if (!table?.state.loading) return;
    const { found, listed } = table;
    // Rows are added to the same array: a copy for each page would cost a large table its time.
    for (const device of table.rest.splice(0, this.engine.rowsAtOnce ?? table.rest.length)) {
      table.rows.push(device);
    }
    const over = table.rest.length === 0;
    const whole = table.rows.length + table.rest.length;
    const list: ListView | null = listed && over ? listed.view : null;
    table.state = {
      ...table.state,
      loaded: table.rows.length,
      loading: !over,
      complete: over && found.complete,
      problem: over ? found.problem : null,
      progress: over || !listed ? null : { done: table.rows.length, total: this.engine.readsAll ? 0 : whole },
      list: list ?? (listed ? { ...listed.view, notes: [] } : null),
    };
    if (over) table.end(table.state);
    else table.tell(table.state);
  }

  #at(search: number): Table {
    if (this.#table?.state.search !== search) throw new BackendError(problem('superseded'));
    return this.#table;
  }

  #matching(table: Table, query: TableQuery): DeviceRow[] {
    const key = JSON.stringify([table.state.search, table.rows.length, query]);
    if (this.#last?.key === key) return this.#last.rows;
    const words = folded(query.text).split(/\s+/).filter(Boolean);
    const { now } = this.engine;
    let rows = table.rows;
    if (query.group && table.listed) {
      const group = table.listed.groups[query.group];
      rows = rows.filter((device) => group.has(device.id));
    }
    if (words.length > 0) {
      rows = rows.filter((device) => {
        const columns: Column[] = ['name', 'serial', 'user', 'system', 'model'];
        const text = folded(columns.map((column) => valueOf(device, column) ?? '').join(' '));
        return words.every((word) => text.includes(word));
      });
    }
    for (const filter of query.filters) rows = rows.filter((device) => meets(device, filter, now));
    if (query.sort) rows = sorted(rows, query.sort);
    this.#last = { key, rows };
    return rows;
  }

  rows(search: number, query: TableQuery, from: number, count: number): TableWindow {
    const table = this.#at(search);
    const rows = this.#matching(table, query);
    return {
      loaded: table.state.loaded,
      loading: table.state.loading,
      matching: rows.length,
      selected: rows.reduce((sum, device) => sum + Number(this.#held.has(device.id)), 0),
      from,
      rows: rows.slice(from, from + Math.min(count, MOST_ROWS)).map((device): TableRow => {
        const held = this.#held.get(device.id);
        return {
          device,
          selected: held !== undefined,
          elsewhere: held && routeKey(held.route) !== routeKey(table.route) ? held.route : null,
          entry: table.listed?.entryOf.get(device.id) ?? null,
        };
      }),
    };
  }

  values(search: number, column: Column): ColumnValue[] {
    const counts = new Map<string, number>();
    for (const device of this.#at(search).rows) {
      for (const value of valuesOf(device, column)) counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    return [...counts]
      .map(([value, count]) => ({ value, count }))
      .sort((one, other) => other.count - one.count)
      .slice(0, MOST_ROWS);
  }

  select(search: number, query: TableQuery, what: SelectWhat, on: boolean): SelectionState {
    const table = this.#at(search);
    if (what.kind === 'matching' && !table.state.complete) throw new BackendError(problem('invalidInput'));
    const rows = this.#matching(table, query);
    const at = (id: string) => {
      const place = rows.findIndex((device) => device.id === id);
      if (place < 0) throw new BackendError(problem('invalidInput'));
      return place;
    };
    let chosen = rows;
    if (what.kind === 'one') chosen = [rows[at(what.id)] as DeviceRow];
    if (what.kind === 'range') {
      const [from, to] = [at(what.from), at(what.to)];
      chosen = rows.slice(Math.min(from, to), Math.max(from, to) + 1);
    }
    if (!on) return this.unselect(chosen.map((device) => device.id));
    this.#doubled = 0;
    for (const device of chosen) {
      const held = this.#held.get(device.id);
      if (!held) this.#held.set(device.id, { device, route: table.route });
      else if (routeKey(held.route) !== routeKey(table.route)) this.#doubled += 1;
    }
    return this.#changed();
  }

  unselect(ids: readonly string[]): SelectionState {
    for (const id of ids) this.#held.delete(id);
    this.#doubled = 0;
    return this.#changed();
  }

  clear(): SelectionState {
    if (this.#held.size > 0) this.#cleared = this.#held;
    this.#held = new Map();
    this.#doubled = 0;
    this.#version += 1;
    return this.#selection();
  }

  undoClear(): SelectionState {
    if (this.#cleared) this.#held = new Map([...this.#cleared, ...this.#held]);
    return this.#changed();
  }

  /** A run goes out for these. */
  started(runId: string, ids: readonly string[]): void {
    this.#started = { runId, held: new Map(this.#held) };
    this.unselect(ids);
  }

  putBack(runId: string): SelectionState {
    if (this.#started?.runId === runId) this.#held = new Map([...this.#started.held, ...this.#held]);
    return this.#changed();
  }

  held(): Held[] {
    return [...this.#held.values()];
  }

  /** What was cleared before can be had back until something else changes. */
  #changed(): SelectionState {
    this.#cleared = null;
    this.#version += 1;
    return this.#selection();
  }

  #selection(): SelectionState {
    return {
      version: this.#version,
      size: this.#held.size,
      warned: this.held().filter(({ device }) => device.warnings.length > 0).length,
      doubled: this.#doubled,
      canUndo: this.#cleared !== null,
    };
  }

  tray(grouping: TrayGrouping, from: number, count: number): TrayWindow {
    const groups = new Map<string, { head: (count: number) => TrayRow; devices: DeviceRow[] }>();
    for (const { device, route } of this.#held.values()) {
      const { userDisplayName: name, userPrincipalName: username } = device;
      const system = device.operatingSystem;
      const [key, head]: [string, (count: number) => TrayRow] =
        grouping === 'found'
          ? [routeKey(route), (each) => ({ kind: 'search', route, count: each })]
          : grouping === 'user'
            ? [username ?? '', (each) => ({ kind: 'user', name, username, count: each })]
            : [system ?? '', (each) => ({ kind: 'system', name: system, count: each })];
      const group = groups.get(key);
      if (group) group.devices.push(device);
      else groups.set(key, { head, devices: [device] });
    }
    const rows = [...groups.values()].flatMap(({ head, devices }): TrayRow[] => [
      head(devices.length),
      ...devices.map((device): TrayRow => ({ kind: 'device', device })),
    ]);
    return { state: this.#selection(), total: rows.length, from, rows: rows.slice(from, from + count) };
  }

  #route(question: DeviceQuestion): RouteView {
    if (question.kind === 'user') {
      const user = fakeUsers.find(({ id }) => id === question.id);
      return { kind: 'user', id: question.id, label: user?.displayName ?? '' };
    }
    if (question.kind !== 'app') return { kind: 'direct' };
    const app = fakeApps.find(({ id }) => id === question.id);
    return { kind: 'app', id: question.id, label: `${app?.displayName} ${app?.version}` };
  }

  #devices(question: DeviceQuestion): DeviceRow[] {
    if (question.kind === 'user') {
      const at = fakeUsers.findIndex((user) => user.id === question.id);
      const user = fakeUsers[at];
      if (!user) throw new BackendError(problem('notFound'));
      const count = user.displayName === 'Nobody Here' ? 0 : 3;
      return Array.from({ length: count }, (_, index) => this.#device(at * 3 + index + 5));
    }
    if (question.kind === 'app') {
      const app = fakeApps.find((row) => row.id === question.id);
      if (!app) throw new BackendError(problem('notFound'));
      return Array.from({ length: app.deviceCount }, (_, index) => this.#device(index * 2 + 5));
    }
    const part = question.text.toLowerCase();
    return this.#everything(200).filter(
      (device) => device.name.toLowerCase().includes(part) || device.serial?.toLowerCase() === part,
    );
  }

  #everything(count: number): DeviceRow[] {
    return Array.from({ length: count }, (_, index) => this.#device(index + 1));
  }

  #device(number: number): DeviceRow {
    const user = fakeUsers[Math.floor(number / 3) % fakeUsers.length] ?? null;
    const device = fakeDevice(number, user, this.engine.now);
    // Each tenant has devices of its own.
    const { place } = this;
    return place === 'home' || place === 'demo' ? device : { ...device, id: `${place}-${device.id}` };
  }
}
