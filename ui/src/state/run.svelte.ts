import {
  failure,
  type Backend,
  type CommandError,
  type ItemState,
  type ItemView,
  type RunCounts,
  type RunProgress,
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
    return counts ? counts.total - counts.waiting : 0;
  });
  readonly moving = $derived(
    this.view?.summary.state === 'active' || this.view?.summary.state === 'cancelling',
  );

  #early: RunProgress[] = [];
  #left = false;

  constructor(
    readonly backend: Backend,
    readonly runId: string,
  ) {}

  async watch(): Promise<void> {
    this.problem = null;
    try {
      const run = await this.backend.watchRun(this.runId, (progress) => this.#take(progress));
      if (this.#left) return;
      this.view = this.#early.reduce(merged, run);
      this.#early = [];
    } catch (thrown) {
      if (!this.#left) this.problem = failure(thrown);
    }
  }

  leave(): void {
    this.#left = true;
  }

  async cancel(): Promise<void> {
    await this.#ask(() => this.backend.cancelRun(this.runId));
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

  async #ask(question: () => Promise<void>): Promise<void> {
    this.problem = null;
    try {
      await question();
    } catch (thrown) {
      this.problem = failure(thrown);
    }
  }

  #take(progress: RunProgress): void {
    if (this.#left) return;
    if (this.view) this.view = merged(this.view, progress);
    else this.#early.push(progress);
  }
}
