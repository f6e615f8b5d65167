/** What the engine answers when it is asked for some of many rows. */
export interface Part<Row> {
  /** How many rows there are in all. */
  total: number;
  /** The place of the first of `rows`. */
  from: number;
  rows: readonly Row[];
}

const PAGE = 25;
/** The engine gives at most 200 rows at once. */
const MOST_PAGES = 8;
const KEPT_PAGES = 120;
/** While rows keep coming in, what is in sight is asked for at most that often. */
const REST_MS = 150;

/**
 * Rows that live on the engine's side, as far as they are drawn. What is in sight is asked for together, so that one order is never
 * mixed with another; until the answer is there, the rows of before stay.
 */
export class Pages<Row> {
  total = $state(0);
  /** Whether anything was answered yet. */
  known = $state(false);
  /** Whether what is drawn answers the question that was asked last. */
  current = $state(true);
  #kept = $state.raw<ReadonlyMap<number, readonly Row[]>>(new Map());
  /** How many rows there were when a page was given. */
  readonly #asOf = new Map<number, number>();

  /** Rises when what was asked before would answer another question. */
  #question = 0;
  /** Rises when rows may have changed, and the last rise that an answer came after. */
  #news = 0;
  #seenNews = 0;
  #first = 0;
  #last = PAGE;
  #asking = false;
  #askedAt = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waiting: (() => void)[] = [];

  constructor(
    readonly ask: (from: number, count: number) => Promise<Part<Row> | null>,
    readonly failed: (thrown: unknown) => void = () => {},
  ) {}

  /** For what is drawn by index: a length, and what stands at a place, if it is known. */
  get length(): number {
    return this.total;
  }

  at(index: number): Row | undefined {
    return this.#kept.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  /** The rows from `first` up to `last` are drawn, with what a person may scroll to next. */
  see(first: number, last: number): void {
    this.#first = Math.max(0, first);
    this.#last = Math.max(last, this.#first + 1);
    void this.#fill();
  }

  /** Another question: nothing of before is true any more, though it stays drawn until the answer is there. */
  renew(): void {
    this.#question += 1;
    this.current = false;
    this.#asking = false;
    this.#news += 1;
    void this.#fill();
  }

  /** Rows may have changed or been added. `gently`: they come in all the time. */
  refresh(gently = false): void {
    this.#news += 1;
    if (gently) this.#later();
    else void this.#fill();
  }

  /** Nothing is known. */
  clear(): void {
    this.#question += 1;
    this.#asking = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#kept = new Map();
    this.#seenNews = this.#news;
    this.total = 0;
    this.known = false;
    this.current = true;
    this.#first = 0;
    this.#last = PAGE;
    this.#tell();
  }

  /** What stands at a place, once it is known. */
  async need(index: number): Promise<Row | undefined> {
    for (let turn = 0; turn < 3 && this.at(index) === undefined && index < this.total; turn += 1) {
      this.see(Math.max(0, index - PAGE / 2), index + PAGE / 2);
      if (this.at(index) === undefined) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.at(index);
  }

  /** Waits until what is in sight is as the engine has it now. */
  async settled(): Promise<void> {
    for (let turn = 0; turn < 5 && (this.#asking || this.#news !== this.#seenNews); turn += 1) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** What is to be asked for now: the pages in sight, all of them if they may have changed. */
  #wanted(): { page: number; pages: number } | null {
    const end = this.known ? Math.ceil(this.total / PAGE) : Infinity;
    const first = Math.min(Math.floor(this.#first / PAGE), Math.max(0, end - 1));
    const last = Math.max(first, Math.min(end, Math.floor((this.#last - 1) / PAGE) + 1) - 1);
    const all = this.#news !== this.#seenNews || !this.known;
    let from = first;
    while (!all && from <= last && this.#has(from)) from += 1;
    if (!all && (from > last || this.total === 0)) return null;
    let to = Math.min(last, from + MOST_PAGES - 1);
    while (!all && to > from && this.#has(to)) to -= 1;
    return { page: from, pages: to - from + 1 };
  }

  /** Whether a page is known; one that was not full when there were fewer rows is to be asked for again. */
  #has(page: number): boolean {
    const rows = this.#kept.get(page);
    return rows !== undefined && (rows.length === PAGE || this.#asOf.get(page) === this.total);
  }

  async #fill(): Promise<void> {
    const wanted = this.#wanted();
    if (this.#asking || !wanted) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#asking = true;
    this.#askedAt = performance.now();
    const question = this.#question;
    const news = this.#news;
    try {
      const part = await this.ask(wanted.page * PAGE, wanted.pages * PAGE);
      if (question !== this.#question) return;
      this.#asking = false;
      if (!part) return this.#tell();
      this.#take(part, news);
    } catch (thrown) {
      if (question !== this.#question) return;
      this.#asking = false;
      // What is drawn stays; the next scroll or change asks again.
      this.#seenNews = this.#news;
      this.failed(thrown);
      this.#tell();
      return;
    }
    this.#tell();
    if (this.#wanted()) {
      if (this.#news !== this.#seenNews) this.#later();
      else void this.#fill();
    }
  }

  /** Asks when the last question lies long enough back. */
  #later(): void {
    const rest = this.#askedAt + REST_MS - performance.now();
    if (rest <= 0) return void this.#fill();
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#fill();
    }, rest);
  }

  #take(part: Part<Row>, news: number): void {
    const kept = news === this.#seenNews && this.known ? new Map(this.#kept) : new Map<number, Row[]>();
    for (let at = 0; at < part.rows.length; at += PAGE) {
      const page = (part.from + at) / PAGE;
      kept.set(page, part.rows.slice(at, at + PAGE));
      this.#asOf.set(page, part.total);
    }
    const middle = this.#first / PAGE;
    if (kept.size > KEPT_PAGES) {
      const near = [...kept.keys()].sort((one, other) => Math.abs(one - middle) - Math.abs(other - middle));
      for (const page of near.slice(KEPT_PAGES)) kept.delete(page);
    }
    this.#seenNews = news;
    this.#kept = kept;
    this.total = part.total;
    this.known = true;
    this.current = true;
  }

  #tell(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
