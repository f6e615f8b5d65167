import { tick } from 'svelte';

const PATIENCE_MS = 8000;
const STILL_MS = 120;

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** What people see: a part that takes no room is not there. */
function parts(testid: string): HTMLElement[] {
  const found = document.querySelectorAll<HTMLElement>(`[data-testid="${testid}"]`);
  return [...found].filter((part) => part.getClientRects().length > 0);
}

/** Somebody at the keyboard and the pointer, who waits for what is not there yet. */
export class Person {
  /** Waits until there are more than `at` such parts and gives that one. */
  async see(testid: string, at = 0): Promise<HTMLElement> {
    return this.until(`${testid} ${at}`, () => parts(testid)[at]);
  }

  /** Waits until there is such a part whose text contains `text`. */
  async reads(testid: string, text: string | RegExp): Promise<HTMLElement> {
    const says = (part: HTMLElement) => part.textContent.search(text) >= 0;
    return this.until(`${testid} with ${String(text)}`, () => parts(testid).find(says));
  }

  async until<T>(what: string, ask: () => T | undefined | null | false): Promise<T> {
    const start = performance.now();
    for (;;) {
      const found = ask();
      if (found) return found;
      if (performance.now() - start > PATIENCE_MS) throw new Error(`still waiting for ${what}`);
      await wait(15);
    }
  }

  async click(testid: string, at = 0): Promise<void> {
    const part = await this.see(testid, at);
    part.dispatchEvent(new PointerEvent('pointerdown', { bubbles: true }));
    part.focus();
    part.click();
    await tick();
  }

  /** Writes into a field in one go, as a paste does. */
  async type(testid: string, text: string): Promise<void> {
    const field = (await this.see(testid)) as HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;
    field.focus();
    field.value = text;
    field.dispatchEvent(new InputEvent('input', { bubbles: true, data: text }));
    field.dispatchEvent(new Event('change', { bubbles: true }));
    await tick();
  }

  /** Presses a key where the focus is: `Enter`, `Control+a`, `Shift+?`. */
  async press(keys: string): Promise<void> {
    const held = keys.split('+');
    const key = held.pop() ?? '';
    const event = {
      key,
      bubbles: true,
      cancelable: true,
      ctrlKey: held.includes('Control'),
      shiftKey: held.includes('Shift'),
      altKey: held.includes('Alt'),
    };
    const focused = document.activeElement ?? document.body;
    focused.dispatchEvent(new KeyboardEvent('keydown', event));
    focused.dispatchEvent(new KeyboardEvent('keyup', event));
    await tick();
  }

  async search(text: string, mode: 'user' | 'app' | 'device' = 'user'): Promise<void> {
    await this.click(`mode-${mode}`);
    await this.type('search-input', text);
    await this.press('Enter');
  }

  /** Searches and waits for the devices. */
  async devices(text: string, mode: 'user' | 'app' | 'device' = 'user'): Promise<void> {
    await this.search(text, mode);
    await this.found();
  }

  /** Waits until the focus has gone to the first device. */
  async found(): Promise<void> {
    await this.until('the focus on a row', () =>
      document.activeElement?.closest('[data-testid="device-row"]'),
    );
  }

  /** Selects every device that was found. */
  async selectAll(): Promise<void> {
    await this.press('Control+a');
    await this.until('a selection', () =>
      [...document.querySelectorAll('[data-testid="tray"]')].some(
        (tray) => tray instanceof HTMLElement && Number(tray.dataset['count']) > 0,
      ),
    );
  }

  async openFromMenu(testid: string): Promise<void> {
    await this.click('account-menu');
    await this.click(testid);
  }
}

/** Waits until nothing in the page has changed for a moment and nothing moves. */
export async function still(): Promise<void> {
  await document.fonts.ready;
  let changed = performance.now();
  const watch = new MutationObserver(() => (changed = performance.now()));
  watch.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
  const start = performance.now();
  while (performance.now() - changed < STILL_MS && performance.now() - start < PATIENCE_MS) await wait(20);
  watch.disconnect();
  const ending = document
    .getAnimations()
    .filter((animation) => animation.effect?.getComputedTiming().endTime !== Infinity);
  await Promise.allSettled(ending.map((animation) => animation.finished));
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
}
