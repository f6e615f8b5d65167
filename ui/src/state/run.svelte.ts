import {
  failure,
  type Backend,
  type CommandError,
  type ItemState,
  type ItemView,
  type ReportFormat,
  type RunCounts,
  type RunProgress,
  type RunState,
  type RunSummary,
  type RunView,
} from '../backend/backend';
import { fetchPasscode, letGo } from './passcodes';

export type ItemGroup = Exclude<keyof RunCounts, 'total'>;

/** What an item is counted as. */
export const groupOf: Record<ItemState, ItemGroup> = {
  waiting: 'waiting',
  sending: 'waiting',
  accepted: 'accepted',
  done: 'done',
  failed: 'answered',
  notSupported: 'answered',
  canceled: 'answered',
  other: 'accepted',
  refused: 'failed',
  stopped: 'failed',
  unconfirmed: 'unconfirmed',
  notSent: 'notSent',
};

/** Whether requests of a run go out, or are about to. */
export function isMoving(state: RunState | undefined): boolean {
  return state === 'starting' || state === 'active' || state === 'cancelling';
}

/** Whether a run ended before everything was sent without anybody wanting that. */
export function isInterrupted({ state, counts }: RunSummary): boolean {
  return (state === 'interrupted' || state === 'journalFailed') && counts.notSent > 0;
}

/** Returns whether a person is asked anew before the rest of a run goes out. */
export function isWantedLongAgo({ wantedUntil }: RunSummary, now: number): boolean {
  return now >= Date.parse(wantedUntil);
}

/** What the table of a run can be narrowed to: a state, or what waits for a person. */
export type RunFilter = ItemGroup | 'person';

/** Whether a person has to decide about it: whether it arrived is not known, or it did not go out and may be sent again. */
export function needsPerson({ state, canSendAgain }: ItemView): boolean {
  if (state === 'unconfirmed' || state === 'refused' || state === 'stopped') return true;
  return state === 'failed' && canSendAgain;
}

/** Whether it was not sent because a person is to be asked anew. */
function isExpired({ state, reason }: ItemView): boolean {
  return state === 'notSent' && reason === 'expired';
}

/** A run as the window follows it. */
export class RunFollow {
  summary = $state.raw<RunSummary | null>(null);
  /** Rises whenever an item changes. A run can have ten thousand, so they are kept as they come and never copied. */
  version = $state(0);
  /** How many items wait for a person. */
  forPerson = $state(0);
  /** How many items were not sent because the run was confirmed too long ago. */
  expired = $state(0);
  /** The countdown of each item that was sent again from here while the run goes on, in seconds. */
  #again = $state.raw<ReadonlyMap<number, number>>(new Map());
  problem = $state.raw<CommandError | null>(null);
  checking = $state(false);
  /** One read is out that was sent before its time. */
  trying = $state(false);
  /** How many devices had not answered after the last reading; none before it. */
  unanswered = $state<number | null>(null);

  readonly sent = $derived.by(() => {
    const counts = this.summary?.counts;
    return counts ? counts.total - counts.waiting - counts.notSent : 0;
  });
  readonly moving = $derived(isMoving(this.summary?.state));
  /** How many devices an interrupted run has left to send to. */
  readonly unsent = $derived.by(() =>
    this.summary && isInterrupted(this.summary) ? this.summary.counts.notSent : 0,
  );

  #items: ItemView[] = [];
  /** Told of the items that changed, or of nothing when all of them may have. */
  #changed: (items: readonly ItemView[] | null) => void = () => {};
  #early: RunProgress[] = [];
  #left = false;
  /** Which call of {@link watch} is listened to. */
  #watch = 0;

  constructor(
    readonly backend: Backend,
    readonly runId: string,
  ) {}

  /** Every item, in order. Whoever draws them reads {@link version}. */
  get items(): readonly ItemView[] {
    return this.#items;
  }

  /** Has `changed` told what changes from now on. */
  onChange(changed: (items: readonly ItemView[] | null) => void): void {
    this.#changed = changed;
  }

  async watch(): Promise<void> {
    this.problem = null;
    const turn = (this.#watch += 1);
    this.#early = [];
    const isOver = () => this.#left || turn !== this.#watch;
    let known = false;
    try {
      const run = await this.backend.watchRun(this.runId, (progress) => {
        if (isOver()) return;
        if (known) this.#merge(progress);
        else this.#early.push(progress);
      });
      if (isOver()) return;
      this.#take(run);
      for (const progress of this.#early) this.#merge(progress);
      known = true;
    } catch (thrown) {
      if (!isOver()) this.problem = failure(thrown);
    }
  }

  /** Has one read sent before the wait is over that Graph asked for. */
  async tryNow(): Promise<void> {
    if (this.trying) return;
    this.trying = true;
    let problem: CommandError | null = null;
    try {
      await this.backend.probeHold();
    } catch (thrown) {
      problem = failure(thrown);
    }
    // The run tells whether the wait goes on, and until when.
    await this.watch();
    this.trying = false;
    if (problem && problem.code !== 'throttled') this.problem = problem;
  }

  leave(): void {
    this.#left = true;
  }

  async cancel(): Promise<void> {
    await this.#ask(() => this.backend.cancelRun(this.runId));
  }

  /** What an interrupted run had not sent goes out. */
  async resume(): Promise<void> {
    await this.#ask(() => this.backend.resumeRun(this.runId));
    if (this.problem === null) await this.watch();
  }

  /** What an interrupted run had not sent is given up. */
  async discard(): Promise<void> {
    await this.#ask(async () => {
      this.#take(await this.backend.discardRun(this.runId));
    });
  }

  /**
   * Sends to one device again, in a run that goes on after a countdown of its own, in seconds. Gives whether the device reports the
   * earlier request instead; null if it did not work.
   */
  async sendAgain(position: number, countdown = 0): Promise<boolean | null> {
    let settled: boolean | null = null;
    await this.#ask(async () => {
      const { run, settled: isSettled } = await this.backend.sendAgain(this.runId, position);
      settled = isSettled;
      // A run that had ended counts down as a whole, and says so itself.
      if (!isSettled && run.summary.state === 'active' && countdown > 0) {
        this.#again = new Map([...this.#again, [position, countdown]]);
      }
    });
    if (settled !== null) await this.watch();
    return settled;
  }

  /** The countdown in seconds after which an item goes out that was sent again from here; none if it does not wait for one. */
  countdownOf({ position, state }: ItemView): number | null {
    return state === 'waiting' && this.moving ? (this.#again.get(position) ?? null) : null;
  }

  /** The passcode that the service tells, or null. It is not kept here. Throws what the engine says. */
  passcode(position: number): Promise<string | null> {
    return fetchPasscode(this.backend, this.runId, position);
  }

  /** Has the passcode copied as a secret; false if the service tells none any more. Throws what the engine says. */
  copyPasscode(position: number): Promise<boolean> {
    return this.backend.copyPasscode(this.runId, position);
  }

  /** The passcode is on the screen no more. */
  hidePasscode(): void {
    letGo(this.backend);
  }

  /** Gives the file, or null if it could not be written. */
  async report(format: ReportFormat, language: string): Promise<string | null> {
    let path: string | null = null;
    await this.#ask(async () => {
      path = await this.backend.exportRun(this.runId, format, language);
    });
    return path;
  }

  async checkOutcomes(): Promise<void> {
    if (this.checking) return;
    this.checking = true;
    this.unanswered = null;
    await this.#ask(async () => {
      const run = await this.backend.checkOutcomes(this.runId);
      const { accepted, unconfirmed } = run.summary.counts;
      this.unanswered = accepted + unconfirmed;
    });
    // What changed meanwhile may be newer than that answer.
    if (this.problem === null) await this.watch();
    this.checking = false;
  }

  #take({ summary, items }: RunView): void {
    // What an engine in memory gives is its own.
    this.#items = items.slice();
    this.summary = summary;
    this.forPerson = items.filter(needsPerson).length;
    this.expired = items.filter(isExpired).length;
    this.#forgetSent(items);
    this.version += 1;
    this.#changed(null);
  }

  #merge({ summary, items }: RunProgress): void {
    this.summary = summary;
    if (items.length === 0) return;
    for (const item of items) {
      const before = this.#items[item.position];
      this.forPerson += Number(needsPerson(item)) - Number(before !== undefined && needsPerson(before));
      this.expired += Number(isExpired(item)) - Number(before !== undefined && isExpired(before));
      this.#items[item.position] = item;
    }
    this.#forgetSent(items);
    this.version += 1;
    this.#changed(items);
  }

  /** What was sent again waits for its countdown no more once it is anything but waiting. */
  #forgetSent(items: readonly ItemView[]): void {
    const sent = items.filter(({ position, state }) => state !== 'waiting' && this.#again.has(position));
    if (sent.length === 0) return;
    const over = new Set(sent.map(({ position }) => position));
    this.#again = new Map([...this.#again].filter(([position]) => !over.has(position)));
  }

  async #ask(question: () => Promise<unknown>): Promise<void> {
    this.problem = null;
    try {
      await question();
    } catch (thrown) {
      this.problem = failure(thrown);
    }
  }
}
