import {
  failure,
  type Backend,
  type CommandError,
  type HistoryFound,
  type HistoryQuery,
} from '../backend/backend';
import { renewClock } from './clock.svelte';

const TYPING_PAUSE_MS = 200;

/** The beginning of a local day, written as `2026-11-23`, or of the one so many days later; null for no day. */
export function startOfDay(day: string, later = 0): string | null {
  const parts = /^(\d{4,6})-(\d{2})-(\d{2})$/.exec(day);
  if (!parts) return null;
  const start = new Date(Number(parts[1]), Number(parts[2]) - 1, Number(parts[3]) + later);
  return Number.isNaN(start.getTime()) ? null : start.toISOString();
}

/** What is looked for in the journal. Answers to anything but the latest question are dropped. */
export class HistorySearch {
  text = $state('');
  /** The first and the last day, both with it, as a date input gives them. */
  since = $state('');
  until = $state('');
  found = $state.raw<HistoryFound | null>(null);
  problem = $state.raw<CommandError | null>(null);
  looking = $state(false);

  #turn = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly backend: Backend) {}

  // These are no derived values: they would end with the view that made this, and it stays for the next one.

  get narrowed(): boolean {
    return this.text.trim() !== '' || this.since !== '' || this.until !== '';
  }

  get wrongOrder(): boolean {
    return this.since !== '' && this.until !== '' && this.since > this.until;
  }

  type(text: string): void {
    this.text = text;
    this.#later();
  }

  between(since: string, until: string): void {
    this.since = since;
    this.until = until;
    this.#later();
  }

  clear(): void {
    [this.text, this.since, this.until] = ['', '', ''];
    void this.read();
  }

  async read(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.wrongOrder) return;
    const turn = ++this.#turn;
    this.looking = true;
    try {
      const found = await this.backend.searchHistory(this.#query());
      if (turn !== this.#turn) return;
      renewClock();
      this.found = found;
      this.problem = null;
    } catch (thrown) {
      if (turn !== this.#turn) return;
      this.found = null;
      this.problem = failure(thrown);
    }
    this.looking = false;
  }

  /** Nobody waits for an answer any more. */
  leave(): void {
    clearTimeout(this.#timer);
    this.#turn += 1;
    this.looking = false;
  }

  #later(): void {
    this.leave();
    this.#timer = setTimeout(() => void this.read(), TYPING_PAUSE_MS);
  }

  #query(): HistoryQuery {
    return {
      text: this.text.trim(),
      since: startOfDay(this.since),
      until: startOfDay(this.until, 1),
    };
  }
}

const searches = new WeakMap<object, HistorySearch>();

/** The search of a desk, as it was left: who comes back from a run finds what was found. */
export function historyOf(desk: object, backend: Backend): HistorySearch {
  let search = searches.get(desk);
  if (!search) searches.set(desk, (search = new HistorySearch(backend)));
  return search;
}
