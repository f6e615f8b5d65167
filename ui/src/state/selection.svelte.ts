import type { Backend, SelectionState, SelectWhat, TableQuery } from '../backend/backend';

const NOTHING: SelectionState = { version: 0, size: 0, warned: 0, doubled: 0, canUndo: false };

/** What is selected across all searches, as the engine tells it. The devices themselves are on its side. */
export class Selection {
  state = $state.raw<SelectionState>(NOTHING);
  /** How many devices were cleared last, as long as they can be had back. */
  cleared = $state(0);
  /** The change that the engine answers last. Each waits for the one before, so that the engine has them in the order they were made. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    readonly backend: Backend,
    readonly failed: (thrown: unknown) => void,
  ) {}

  get size(): number {
    return this.state.size;
  }

  get version(): number {
    return this.state.version;
  }

  /** Whether the tray has something to show: devices, or a way back to those that were cleared. */
  get shown(): boolean {
    return this.size > 0 || (this.state.canUndo && this.cleared > 0);
  }

  /** An older answer that comes late changes nothing. */
  take(state: SelectionState): void {
    if (state.version < this.state.version) return;
    this.state = state;
    if (!state.canUndo) this.cleared = 0;
  }

  /** Each gives whether it was done. */
  select(search: number, query: TableQuery, what: SelectWhat, on: boolean): Promise<boolean> {
    return this.#change(() => this.backend.selectRows(search, query, what, on));
  }

  unselect(deviceIds: string[]): Promise<boolean> {
    return this.#change(() => this.backend.unselect(deviceIds));
  }

  async clear(): Promise<boolean> {
    // Told before, so that the way back is there as soon as the devices are gone.
    this.cleared = this.size;
    const done = await this.#change(() => this.backend.clearSelection());
    if (!done) this.cleared = 0;
    return done;
  }

  undoClear(): Promise<boolean> {
    return this.#change(() => this.backend.undoClear());
  }

  putBack(runId: string): Promise<boolean> {
    return this.#change(() => this.backend.putBack(runId));
  }

  /** Asks what is selected, as after a start, which takes devices out, or after another tenant was shown. The answer counts in any case. */
  async refresh(): Promise<boolean> {
    const asked = this.#last.then(() => this.backend.trayRows('found', 0, 1));
    this.#last = asked.catch(() => undefined);
    try {
      this.state = (await asked).state;
      if (!this.state.canUndo) this.cleared = 0;
      return true;
    } catch {
      return false;
    }
  }

  /** Waits until what was ticked so far is selected, so that a review holds it. */
  async settled(): Promise<void> {
    for (let last: unknown = null; last !== this.#last;) await (last = this.#last);
  }

  async #change(question: () => Promise<SelectionState>): Promise<boolean> {
    const answer = this.#last.then(question);
    this.#last = answer.catch(() => undefined);
    try {
      this.take(await answer);
      return true;
    } catch (thrown) {
      this.failed(thrown);
      return false;
    }
  }
}
