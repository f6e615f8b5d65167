import {
  failure,
  type Backend,
  type Column,
  type ColumnFilter,
  type ColumnValue,
  type CommandError,
  type ListGroup,
  type SelectWhat,
  type TableQuery,
  type TableRow,
  type TableSort,
  type TableState,
} from '../backend/backend';
import { Pages } from './pages.svelte';
import type { Selection } from './selection.svelte';

const EVERYTHING: TableQuery = { text: '', filters: [], sort: null, group: null };

export interface TableEvents {
  /** Rows could not be read. Gives true if a banner tells it. */
  failed(error: CommandError, again: () => void): boolean;
  /** The engine has another table by now, or none. */
  lost(): void;
}

/** Messages and answers may overtake each other: what was read does not become less, and a table that is read stays so. */
function isOlder(state: TableState, before: TableState): boolean {
  return state.loading && (!before.loading || state.loaded < before.loaded);
}

/** The devices that were asked for. The engine holds them; here is how far they are read, what of them is shown, and what is drawn. */
export class Table {
  state = $state.raw<TableState | null>(null);
  query = $state.raw<TableQuery>(EVERYTHING);
  /** What stands in the filter box. */
  filterText = $state('');
  /** How many of the rows that meet the query are selected. */
  selected = $state(0);
  /** Why rows could not be had. */
  problem = $state.raw<CommandError | null>(null);
  /** What a person ticked and the rows do not show yet: single devices, or everything that matches. */
  #ticks = $state.raw<ReadonlyMap<string, boolean>>(new Map());
  #allTicked = $state.raw<boolean | null>(null);
  #marks = 0;
  /** Rises when the rows stand in another order or are others, and not when rows are added. */
  turned = $state(0);

  readonly rows: Pages<TableRow>;
  readonly filtered = $derived(this.query.text !== '' || this.query.filters.length > 0);
  /** While rows come in they stay where they are. */
  readonly sortable = $derived(this.state !== null && !this.state.loading);
  readonly complete = $derived(this.state?.complete ?? false);
  /** Whether every row that meets the query is selected, or some, as far as a person has ticked. */
  readonly all = $derived.by(() => {
    if (this.#allTicked !== null) return this.#allTicked && !this.#isTicked(false);
    return this.rows.total > 0 && this.selected === this.rows.total;
  });
  readonly some = $derived.by(() => {
    const some = this.#allTicked === null ? this.selected > 0 : this.#allTicked || this.#isTicked(true);
    return some && !this.all;
  });

  #search: number | null = null;

  constructor(
    readonly backend: Backend,
    readonly selection: Selection,
    readonly events: TableEvents,
  ) {
    this.rows = new Pages<TableRow>(
      (from, count) => this.#ask(from, count),
      (thrown) => this.#failed(thrown),
    );
  }

  /** Nothing was asked for, or the answer is still awaited. */
  clear(): void {
    this.#search = null;
    this.state = null;
    this.query = EVERYTHING;
    this.filterText = '';
    this.selected = 0;
    this.problem = null;
    this.rows.clear();
    this.#forget();
    this.turned += 1;
  }

  /** Whether a row is selected, or is about to be. */
  isSelected(row: TableRow): boolean {
    return this.#ticks.get(row.device.id) ?? this.#allTicked ?? row.selected;
  }

  /** How far reading has come. */
  take(state: TableState): void {
    const before = this.state;
    if (state.search === this.#search && before && isOlder(state, before)) return;
    this.state = state;
    // What became of a list is known in the end only; what several entries may mean is never shown among the others.
    const resolved = state.list !== null && (before?.list ?? null) === null;
    if (state.search !== this.#search || resolved) {
      this.#search = state.search;
      if (resolved) this.query = { ...EVERYTHING, group: 'one' };
      this.rows.renew();
    } else if (before?.loaded !== state.loaded || before.loading !== state.loading) {
      this.rows.refresh(state.loading);
    }
  }

  /** What is drawn may show otherwise now, as after a change of the selection. */
  refresh(): void {
    if (this.#search !== null) this.rows.refresh();
  }

  filter(text: string): void {
    this.filterText = text;
    if (text.trim() !== this.query.text) this.#show({ text: text.trim() });
  }

  filterOf(column: Column): ColumnFilter | undefined {
    return this.query.filters.find((filter) => filter.column === column);
  }

  /** One condition for each column; nothing takes it away. */
  filterColumn(column: Column, filter: ColumnFilter | null): void {
    const others = this.query.filters.filter((each) => each.column !== column);
    this.#show({ filters: filter ? [...others, filter] : others });
  }

  clearFilters(): void {
    this.filterText = '';
    this.#show({ text: '', filters: [] });
  }

  /** First ascending, then descending, then as found. */
  sortBy(column: Column): void {
    if (!this.sortable) return;
    const sort = this.query.sort;
    let next: TableSort | null = { column, descending: false };
    if (sort?.column === column) next = sort.descending ? null : { column, descending: true };
    this.#show({ sort: next });
  }

  /** Which devices of a list are shown. What was filtered and sorted goes, as it was meant for the other ones. */
  showGroup(group: ListGroup): void {
    if (this.query.group === group) return;
    this.filterText = '';
    this.#show({ ...EVERYTHING, group });
  }

  /** The values a column has among all rows. */
  values(column: Column): Promise<ColumnValue[]> {
    if (this.#search === null) return Promise.resolve([]);
    return this.backend.columnValues(this.#search, column);
  }

  /** Ticks or unticks devices: drawn at once, and selected as soon as the engine says so. */
  async select(what: SelectWhat, on: boolean, query = this.query): Promise<boolean> {
    if (this.#search === null || (what.kind === 'matching' && !this.complete)) return false;
    const mark = (this.#marks += 1);
    if (what.kind === 'one') this.#ticks = new Map(this.#ticks).set(what.id, on);
    else if (what.kind === 'matching' && query === this.query) {
      this.#ticks = new Map();
      this.#allTicked = on;
    }
    const done = await this.selection.select(this.#search, query, what, on);
    this.rows.refresh();
    await this.rows.settled();
    // What was ticked since is drawn until it is selected, too.
    if (mark === this.#marks) this.#forget();
    return done;
  }

  /** Every device that an entry of the list names alone, whatever is filtered. */
  selectListed(): Promise<boolean> {
    return this.select({ kind: 'matching' }, true, { ...EVERYTHING, group: 'one' });
  }

  #isTicked(on: boolean): boolean {
    return [...this.#ticks.values()].includes(on);
  }

  #forget(): void {
    this.#ticks = new Map();
    this.#allTicked = null;
  }

  #show(change: Partial<TableQuery>): void {
    this.query = { ...this.query, ...change };
    if (this.#search === null) return;
    this.rows.renew();
    this.turned += 1;
  }

  async #ask(from: number, count: number) {
    const search = this.#search;
    if (search === null) return null;
    const window = await this.backend.tableRows(search, this.query, from, count);
    if (search !== this.#search) return null;
    this.selected = window.selected;
    this.problem = null;
    // A message that tells of more rows may still be on its way, or be left out.
    const { loaded, loading } = window;
    if (this.state && loading && loaded > this.state.loaded) this.state = { ...this.state, loaded };
    return { total: window.matching, from: window.from, rows: window.rows };
  }

  #failed(thrown: unknown): void {
    const error = failure(thrown);
    if (error.code === 'superseded') this.events.lost();
    else if (!this.events.failed(error, () => this.rows.refresh())) this.problem = error;
  }
}
