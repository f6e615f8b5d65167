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
  other: 'answered',
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

export function merged(run: RunView, progress: RunProgress): RunView {
  const items: ItemView[] = run.items.slice();
  for (const item of progress.items) items[item.position] = item;
  return { summary: progress.summary, items };
}

/** A run as the window follows it. */
export class RunFollow {
  view = $state.raw<RunView | null>(null);
  problem = $state.raw<CommandError | null>(null);
  checking = $state(false);
  /** How many devices had not answered after the last reading; none before it. */
  unanswered = $state<number | null>(null);

  readonly sent = $derived.by(() => {
    const counts = this.view?.summary.counts;
    return counts ? counts.total - counts.waiting - counts.notSent : 0;
  });
  readonly moving = $derived(isMoving(this.view?.summary.state));
  /** How many devices an interrupted run has left to send to. */
  readonly unsent = $derived.by(() =>
    this.view && isInterrupted(this.view.summary) ? this.view.summary.counts.notSent : 0,
  );

  #early: RunProgress[] = [];
  #left = false;
  /** Which call of {@link watch} is listened to. */
  #watch = 0;

  constructor(
    readonly backend: Backend,
    readonly runId: string,
  ) {}

  async watch(): Promise<void> {
    this.problem = null;
    const turn = (this.#watch += 1);
    this.#early = [];
    const isOver = () => this.#left || turn !== this.#watch;
    let known = false;
    try {
      const run = await this.backend.watchRun(this.runId, (progress) => {
        if (isOver()) return;
        if (known && this.view) this.view = merged(this.view, progress);
        else this.#early.push(progress);
      });
      if (isOver()) return;
      this.view = this.#early.reduce(merged, run);
      known = true;
    } catch (thrown) {
      if (!isOver()) this.problem = failure(thrown);
    }
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
      this.view = await this.backend.discardRun(this.runId);
    });
  }

  /** Sends to one device again. Gives whether the device reports the earlier request instead; null if it did not work. */
  async sendAgain(position: number): Promise<boolean | null> {
    let settled: boolean | null = null;
    await this.#ask(async () => {
      settled = (await this.backend.sendAgain(this.runId, position)).settled;
    });
    if (settled !== null) await this.watch();
    return settled;
  }

  /** The passcode that the service tells, or null. It is not kept here. Throws what the engine says. */
  passcode(position: number): Promise<string | null> {
    return this.backend.showPasscode(this.runId, position);
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
      this.view = await this.backend.checkOutcomes(this.runId);
      const { accepted, unconfirmed } = this.view.summary.counts;
      this.unanswered = accepted + unconfirmed;
    });
    this.checking = false;
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
