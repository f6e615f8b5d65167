import type { Backend, SelectionState, SelectWhat, TableQuery } from '../backend/backend';

const NOTHING: SelectionState = { version: 0, size: 0, warned: 0, doubled: 0, canUndo: false };

/** What is selected across all searches, as the engine tells it. The devices themselves are on its side. */
export class Selection {
  state = $state.raw<SelectionState>(NOTHING);
  /** How many devices were cleared last, as long as they can be had back. */
  cleared = $state(0);
  /** Changes that the engine has not answered yet. */
  readonly #changing = new Set<Promise<unknown>>();

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

  /** Asks what is selected, as after a start, which takes devices out. */
  refresh(): Promise<boolean> {
    return this.#change(async () => (await this.backend.trayRows('found', 0, 1)).state, true);
  }

  /** Waits until what was ticked so far is selected, so that a review holds it. */
  async settled(): Promise<void> {
    while (this.#changing.size > 0) await Promise.allSettled(this.#changing);
  }

  async #change(question: () => Promise<SelectionState>, quietly = false): Promise<boolean> {
    const answer = question();
    this.#changing.add(answer);
    try {
      this.take(await answer);
      return true;
    } catch (thrown) {
      if (!quietly) this.failed(thrown);
      return false;
    } finally {
      this.#changing.delete(answer);
    }
  }
}
