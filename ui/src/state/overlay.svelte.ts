import { tick } from 'svelte';

export type OverlayName = 'palette' | 'shortcuts' | 'wentBack';

/** What lies over the whole window, and where the focus goes when it closes. */
export class Overlay {
  shown = $state<OverlayName | null>(null);
  #before: HTMLElement | null = null;

  open(name: OverlayName): void {
    if (this.shown === null) {
      const focused = document.activeElement;
      this.#before = focused instanceof HTMLElement && focused !== document.body ? focused : null;
    }
    this.shown = name;
  }

  /** The focus goes back to where it was. */
  async close(): Promise<void> {
    if (this.shown === null) return;
    this.shown = null;
    await tick();
    if (this.#before?.isConnected) this.#before.focus();
    this.#before = null;
  }

  /** What was under it is no longer there to go back to. */
  drop(): void {
    this.shown = null;
    this.#before = null;
  }
}
